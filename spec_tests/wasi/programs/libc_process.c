/* Arguments, environment, time, sleep and exit by way of the C library.
   @args one two
   @env HOME=/home/guest
   @stdin 12 34\n
   @unstable no: the C library imports the second snapshot */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static void at_end(void) {
  puts("at the end");
  fflush(stdout);
}

int main(int argc, char **argv) {
  int a = 0, b = 0;
  struct timespec before, after, pause = {0, 20000000};
  char random[16];
  atexit(at_end);
  for (int i = 0; i < argc; i++)
    printf("argument %d: %s\n", i, argv[i]);
  printf("HOME: %s, PATH: %s\n", getenv("HOME"), getenv("PATH") ? "there" : "not there");
  printf("read %d numbers, ", scanf("%d %d", &a, &b));
  printf("sum %d\n", a + b);
  clock_gettime(CLOCK_MONOTONIC, &before);
  printf("sleep: %d\n", nanosleep(&pause, 0));
  clock_gettime(CLOCK_MONOTONIC, &after);
  printf("slept: %d\n", (after.tv_sec - before.tv_sec) * 1000000000ll + after.tv_nsec - before.tv_nsec >= 20000000);
  printf("time: %d\n", time(0) > 1577836800);
  printf("random: %d\n", getentropy(random, sizeof random));
  printf("terminal: %d\n", isatty(1));
  fprintf(stderr, "to error output\n");
  exit(9);
}
