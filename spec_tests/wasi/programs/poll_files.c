/* Waiting for descriptors: files are always ready, the soonest of all ends the wait.
   @file file hello
   @stdin input */
#include "wasi.h"

static subscription on(u64 userdata, u8 type, u32 fd) {
  subscription one = {userdata, type};
  one.fd = fd;
  return one;
}

static event events[4];

static void poll(const char *label, const subscription *subscriptions, u32 count) {
  u32 stored = 0;
  int error = poll_oneoff(subscriptions, events, count, &stored);
  say(label, error);
  for (u32 i = 0; !error && i < stored; i++) {
    show("  userdata", events[i].userdata);
    say("  error", events[i].error);
    show("  type", events[i].type);
    show("  bytes", events[i].nbytes);
    show("  flags", events[i].flags);
  }
}

int main(void) {
  int fd = must_open("file", 0, READ_WRITE);
  subscription read = on(1, FD_READ_READY, fd), write = on(2, FD_WRITE_READY, fd);
  poll("a file to read", &read, 1);
  poll("a file to write", &write, 1);
  char buffer[8];
  u32 size;
  read_some(fd, buffer, sizeof buffer, &size);
  poll("a file at its end to read", &read, 1);
  subscription output = on(5, FD_WRITE_READY, 1);
  poll("standard output", &output, 1);
  subscription with_clock[] = {{6, CLOCK}, on(7, FD_WRITE_READY, 1)};
  with_clock[0].clock.id = MONOTONIC, with_clock[0].clock.timeout = 10000000000;
  poll("sooner than a clock", with_clock, 2);
  subscription input = on(8, FD_READ_READY, 0);
  poll("standard input", &input, 1);
  subscription second[] = {on(10, FD_WRITE_READY, 1), on(11, FD_WRITE_READY, 2)};
  poll("both outputs", second, 2);
  subscription directory = on(9, FD_READ_READY, ROOT);
  poll("a directory", &directory, 1);
  return 0;
}
