/* Listing a directory: records of 24 bytes and a name, cookies, the last one cut off.
   @file file hello
   @mkdir dir
   @link link file
   @file \u00e9t\u00e9 x */
#include "wasi.h"

static u8 buffer[1024];

static void list(int fd, u32 size) {
  u64 cookie = 0, found = 0;
  for (int round = 0; round < 100; round++) {
    u32 used = 0, at = 0;
    int error = fd_readdir(fd, buffer, size, cookie, &used);
    if (error) {
      say("readdir", error);
      return;
    }
    while (at + 24 <= used) {
      dirent entry;
      memcpy(&entry, buffer + at, 24);
      if (at + 24 + entry.name_size > used)
        break;
      const char *name = (const char *)buffer + at + 24;
      found++;
      /* Their order is the host's. */
      static const struct { const char *name; u8 type; } known[] = {
          {".", 3}, {"..", 3}, {"file", 4}, {"dir", 3}, {"link", 7}, {"\xc3\xa9t\xc3\xa9", 4}};
      int right = 0;
      for (u32 i = 0; i < sizeof known / sizeof *known; i++)
        right |= strlen(known[i].name) == entry.name_size && !memcmp(known[i].name, name, entry.name_size) &&
                 known[i].type == entry.type;
      if (!right)
        text("unexpected", name, entry.name_size);
      at += 24 + entry.name_size;
      cookie = entry.next;
    }
    if (used < size)
      break;
    if (at == 0) {
      text("readdir", P("no entry fits"));
      return;
    }
  }
  show("entries", found);
}

int main(void) {
  u32 used = 0;
  dirent first, second;
  list(ROOT, sizeof buffer);
  list(ROOT, 64);
  list(ROOT, 31);
  list(ROOT, 30);
  list(ROOT, 23);
  say("readdir", fd_readdir(ROOT, buffer, 48, 0, &used));
  show("it is filled", used);
  memcpy(&first, buffer, 24);
  memcpy(&second, buffer + 25, 23);
  filestat stat;
  fd_filestat_get(ROOT, &stat);
  text("the first", (char *)buffer + 24, 1);
  check("it has its inode", first.ino == stat.ino);
  say("an empty buffer", fd_readdir(ROOT, buffer, 0, 0, &used));
  show("used", used);
  say("behind the end", fd_readdir(ROOT, buffer, 1024, 99, &used));
  show("used", used);
  int fd = must_open("file", 0, FD_READ);
  say("a file", fd_readdir(fd, buffer, 1024, 0, &used));
  say("standard input", fd_readdir(0, buffer, 1024, 0, &used));
  say("nothing open", fd_readdir(99, buffer, 1024, 0, &used));
  return 0;
}
