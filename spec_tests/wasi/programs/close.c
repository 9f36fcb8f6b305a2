/* Closing, also what the guest found open. */
#include "wasi.h"

int main(void) {
  char buffer[4];
  u32 count;
  int first = must_open("a", CREAT, READ_WRITE), second = must_open("b", CREAT, READ_WRITE);
  say("close", fd_close(first));
  say("close again", fd_close(first));
  say("read", read_some(first, buffer, 4, &count));
  say("sync", fd_sync(first));
  int third = must_open("c", CREAT, READ_WRITE);
  check("the number is used again", third == first);
  say("close", fd_close(second));
  say("close", fd_close(third));
  say("no descriptor", fd_close(-1));
  say("standard input", fd_close(0));
  say("read it", read_some(0, buffer, 4, &count));
  say("error output", fd_close(2));
  say("write to it", write_text(2, "x"));
  return 0;
}
