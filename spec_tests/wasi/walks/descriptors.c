/* A random walk: operations on a handful of descriptors, open or not, each with its outcome. The argument is the seed.

   What differs between engines is left to programs with golden files: creating a file to read it only, allocating,
   dropping rights, several buffers. Nor are positions beyond what a file system has, and appending nothing, after which
   wasmtime is at the end and Linux where it was. */
#include "walk.h"

static int some_fd(void) { return below(12) ? 3 + below(6) : below(3) ? 99 : 3; }

static void result(int error, u64 value) {
  put(errno_names[error]);
  if (!error)
    number(value);
}

static u64 some_offset(void) { return below(20) ? below(40) : below(2) ? 1ull << 63 : ~0ull; }

static void walk_open(void) {
  static const char *const paths[] = {"a", "b", "dir", ".", "dir/a"};
  static const u64 rights[] = {0, FD_READ, FD_WRITE, READ_WRITE};
  const char *path = paths[below(5)];
  int fd = -1, oflags = below(3) ? CREAT : below(8), mode = below(4);
  int flags = below(3) ? 0 : below(2) ? APPEND : NONBLOCK;
  if (oflags & (CREAT | TRUNC))
    mode |= 2;
  put("open"), put(path), number(oflags), number(mode), number(flags);
  int error = path_open(ROOT, 0, path, strlen(path), oflags, rights[mode], ALL_RIGHTS, flags, &fd);
  result(error, fd);
}

static void walk_seek(int fd) {
  u64 position = 0;
  s64 delta = (s64)below(60) - 20;
  if (below(20) == 0)
    delta = INT64_MIN;
  int whence = below(3), error = fd_seek(fd, delta, whence, &position);
  put("seek"), number(fd), number(delta), number(whence), result(error, position);
}

static void walk_stat(int fd) {
  filestat stat;
  int error = fd_filestat_get(fd, &stat);
  put("filestat"), number(fd), result(error, error ? 0 : stat.type);
  if (!error && stat.type == 4)
    number(stat.size);
}

static void walk_fdstat(int fd) {
  fdstat stat;
  int error = fd_fdstat_get(fd, &stat);
  put("fdstat"), number(fd), result(error, error ? 0 : stat.type);
  if (!error)
    number(stat.flags);
}

static void step(void) {
  static char buffer[64];
  static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
  u32 count = 0, size = below(26);
  u64 position = 0, offset = some_offset();
  int fd = some_fd(), to = some_fd(), error;
  used = 0;
  switch (below(24)) {
  case 0: case 1: case 2: case 3: walk_open(); break;
  case 4: case 5: {
    iovec one = {buffer, size};
    error = fd_read(fd, &one, 1, &count);
    put("read"), number(fd), number(size), result(error, count);
    if (!error)
      buffer[count] = 0, put(buffer);
    break;
  }
  case 6: case 7: {
    iovec one = {letters, ++size};
    error = fd_write(fd, &one, 1, &count);
    put("write"), number(fd), number(size), result(error, count);
    break;
  }
  case 8: case 9: {
    iovec one = {buffer, size};
    error = fd_pread(fd, &one, 1, offset, &count);
    put("pread"), number(fd), number(size), number(offset), result(error, count);
    break;
  }
  case 10: case 11: {
    iovec one = {letters, size};
    offset = below(40);
    error = fd_pwrite(fd, &one, 1, offset, &count);
    put("pwrite"), number(fd), number(size), number(offset), result(error, count);
    break;
  }
  case 12: case 13: case 14: walk_seek(fd); break;
  case 15: error = fd_tell(fd, &position); put("tell"), number(fd), result(error, position); break;
  case 16: error = fd_filestat_set_size(fd, offset); put("size"), number(fd), number(offset), result(error, 0); break;
  case 17: walk_stat(fd); break;
  case 18: walk_fdstat(fd); break;
  case 19: {
    int flags = below(4) * (below(2) ? 1 : 4) & 5;
    error = fd_fdstat_set_flags(fd, flags);
    put("flags"), number(fd), number(flags), result(error, 0);
    break;
  }
  case 20: error = fd_renumber(fd, to); put("renumber"), number(fd), number(to), result(error, 0); break;
  case 21: case 22: error = fd == ROOT ? 0 : fd_close(fd); put("close"), number(fd), result(error, 0); break;
  case 23: error = fd_datasync(fd); put("sync"), number(fd), result(error, 0); break;
  }
  end_line();
}

int main(void) { return walk(step); }
