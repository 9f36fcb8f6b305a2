/* A random walk: operations on paths of a few names, each with its outcome. The argument is the seed. No path ends in a
   slash: what comes of that differs, and the programs with golden files tell how. */
#include "walk.h"

static u32 make_path(char *path) {
  static const char *const names[] = {"a", "b", "c", "a", "b", "c", "..", "."};
  u32 size = 0, count = 1 + below(3);
  for (u32 i = 0; i < count; i++) {
    const char *name = names[below(sizeof names / sizeof *names)];
    if (i)
      path[size++] = '/';
    u32 length = strlen(name);
    memcpy(path + size, name, length);
    size += length;
  }
  path[size] = 0;
  return size;
}

static void walk_open(const char *path, u32 size) {
  static const u64 rights[] = {0, FD_READ, FD_WRITE, READ_WRITE};
  int fd = -1, lookup = below(2), oflags = below(4) ? below(2) : below(16), mode = below(4);
  number(lookup), number(oflags), number(mode);
  int error = path_open(ROOT, lookup, path, size, oflags, rights[mode], ALL_RIGHTS, 0, &fd);
  put(errno_names[error]);
  if (error)
    return;
  char buffer[16];
  u32 count = 0;
  fdstat stat;
  put(errno_names[fd_fdstat_get(fd, &stat)]);
  number(stat.type);
  if (stat.type == 4 && mode) {
    iovec one = {buffer, 16};
    error = mode & 1 ? fd_read(fd, &one, 1, &count) : 0;
    put(errno_names[error]);
    number(count);
    one = (iovec){"0123456789", 1 + below(10)};
    put(errno_names[mode & 2 ? fd_write(fd, &one, 1, &count) : 0]);
  }
  fd_close(fd);
}

static void walk_stat(const char *path, u32 size) {
  filestat stat;
  int lookup = below(2), error = path_filestat_get(ROOT, lookup, path, size, &stat);
  number(lookup), put(errno_names[error]);
  if (error)
    return;
  number(stat.type);
  if (stat.type == 4)
    number(stat.size), number(stat.nlink);
}

static void walk_readlink(const char *path, u32 size) {
  char target[64];
  u32 length = 0;
  int error = path_readlink(ROOT, path, size, target, sizeof target - 1, &length);
  put(errno_names[error]);
  if (!error)
    target[length] = 0, put(target);
}

static void step(void) {
  static const char *const names[] = {"open", "mkdir",   "rmdir",    "unlink", "rename",
                                      "link", "symlink", "readlink", "stat"};
  static const u8 often[] = {0, 0, 0, 0, 1, 1, 1, 2, 3, 3, 4, 4, 4, 5, 5, 6, 6, 6, 7, 8, 8, 8};
  char path[64], other[64];
  u32 what = often[below(sizeof often)], size = make_path(path), other_size = make_path(other);
  used = 0;
  put(names[what]), put(path);
  if (what >= 4 && what <= 6)
    put(other);
  switch (what) {
  case 0: walk_open(path, size); break;
  case 1: put(errno_names[path_create_directory(ROOT, path, size)]); break;
  case 2: put(errno_names[path_remove_directory(ROOT, path, size)]); break;
  case 3: put(errno_names[path_unlink_file(ROOT, path, size)]); break;
  case 4: put(errno_names[path_rename(ROOT, path, size, ROOT, other, other_size)]); break;
  case 5: put(errno_names[path_link(ROOT, 0, path, size, ROOT, other, other_size)]); break;
  case 6: put(errno_names[path_symlink(path, size, ROOT, other, other_size)]); break;
  case 7: walk_readlink(path, size); break;
  case 8: walk_stat(path, size); break;
  }
  end_line();
}

int main(void) { return walk(step); }
