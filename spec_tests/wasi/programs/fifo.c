/* A FIFO with nobody at its other end does not hold up the guest that opens it.
   @fifo pipe
   @wasmtime no: it opens the FIFO without O_NONBLOCK and waits for ever */
#include "wasi.h"

int main(void) {
  filestat stat;
  char buffer[4];
  u32 count;
  say("stat", path_filestat_get(ROOT, 0, P("pipe"), &stat));
  show("type", stat.type);
  int reader = open_at(ROOT, 0, "pipe", 0, FD_READ, NONBLOCK);
  say("open to read", reader < 0 ? -1 - reader : 0);
  say("nobody writes", read_some(reader, buffer, 4, &count));
  show("count", count);
  int writer = open_at(ROOT, 0, "pipe", 0, FD_WRITE, NONBLOCK);
  say("open to write", writer < 0 ? -1 - writer : 0);
  say("nothing is there", read_some(reader, buffer, 4, &count));
  say("write", write_text(writer, "hey"));
  say("read", read_some(reader, buffer, 4, &count));
  text("data", buffer, count);
  u64 position;
  say("seek", fd_seek(reader, 0, WHENCE_CUR, &position));
  say("allocate", fd_allocate(writer, 0, 10));
  iovec one = {buffer, 4};
  say("pread", fd_pread(reader, &one, 1, 0, &count));
  say("close the reader", fd_close(reader));
  say("write to nobody", write_text(writer, "hey"));
  say("close the writer", fd_close(writer));
  try_open("open to write with no reader", ROOT, 0, "pipe", 0, FD_WRITE);
  say("unlink", path_unlink_file(ROOT, P("pipe")));
  return 0;
}
