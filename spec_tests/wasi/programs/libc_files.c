/* Files by way of the C library.
   @file input first line\nsecond line\nlast
   @unstable no: the C library imports the second snapshot */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void) {
  char line[64];
  FILE *file = fopen("/input", "r");
  while (fgets(line, sizeof line, file))
    printf("line: %s%s", line, strchr(line, '\n') ? "" : "\n");
  printf("end of file: %d\n", feof(file));
  fclose(file);
  file = fopen("output", "w+");
  fprintf(file, "%d %s %.3f\n", 42, "text", 2.5);
  fseek(file, -4, SEEK_END);
  printf("at %ld: ", ftell(file));
  printf("%c\n", fgetc(file));
  fclose(file);
  file = fopen("output", "a");
  fputs("appended\n", file);
  fclose(file);
  struct stat stat_of;
  printf("stat: %d, size %lld\n", stat("output", &stat_of), (long long)stat_of.st_size);
  printf("truncate: %d\n", truncate("output", 5));
  printf("nothing: %s\n", fopen("nothing", "r") ? "opened" : strerror(errno));
  printf("outside: %s\n", fopen("../outside/secret", "r") ? "opened" : strerror(errno));
  printf("absolute: %s\n", fopen("/etc/passwd", "r") ? "opened" : strerror(errno));
  printf("exclusively: %s\n", fopen("output", "wx") ? "opened" : strerror(errno));
  printf("rename: %d\n", rename("output", "renamed"));
  printf("remove: %d\n", remove("input"));
  printf("access: %d\n", access("input", F_OK));
  return 0;
}
