/* A buffer that ends behind memory: nothing of the list is written, the guest traps. */
#include "wasi.h"

int main(void) {
  u32 count;
  int fd = must_open("file", CREAT, READ_WRITE);
  iovec list[] = {{"good", 4}, {(const void *)(__builtin_wasm_memory_size(0) * 65536 - 2), 4}};
  text("before", P("still there"));
  say("write", fd_write(fd, list, 2, &count));
  text("after", P("this is not reached"));
  return 0;
}
