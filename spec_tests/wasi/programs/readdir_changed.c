/* A directory is listed while its entries come and go: each that was there and stays is seen once.
   @wasmtime no: it reads the directory anew for each call, in the order of the host, and so misses entries */
#include "wasi.h"

static u8 buffer[40];

int main(void) {
  char name[] = "file00";
  int seen[40] = {0};
  for (int i = 0; i < 20; i++) {
    name[4] = '0' + i / 10, name[5] = '0' + i % 10;
    fd_close(must_open(name, CREAT, FD_WRITE));
  }
  u64 cookie = 0;
  int rounds = 0, twice = 0, missed = 0;
  for (; rounds < 200; rounds++) {
    u32 used = 0;
    dirent entry;
    int error = fd_readdir(ROOT, buffer, sizeof buffer, cookie, &used);
    if (error)
      say("readdir", error);
    if (used < 24)
      break;
    memcpy(&entry, buffer, 24);
    if (24 + entry.name_size > used)
      break;
    cookie = entry.next;
    if (entry.name_size == 6) {
      int number = (buffer[28] - '0') * 10 + buffer[29] - '0';
      twice += seen[number]++;
      memcpy(name, buffer + 24, 6);
      path_unlink_file(ROOT, name, 6);
      name[4] = '0' + (20 + number) / 10, name[5] = '0' + number % 10;
      fd_close(must_open(name, CREAT, FD_WRITE));
    }
  }
  for (int i = 0; i < 20; i++)
    missed += !seen[i];
  check("it ended", rounds < 200);
  show("seen twice", twice);
  show("missed", missed);
  return 0;
}
