/* WASI as the programs see it: the functions themselves, with nothing between, and lines of output.

   The C library's own declarations compute lengths and check pointers, which is in the way of a test. WASI is the
   module that is imported from: every program is compiled for both snapshots, the first one by -DUNSTABLE. */

#include <stdint.h>
#include <string.h>

#ifdef UNSTABLE
#define WASI "wasi_unstable"
enum { WHENCE_CUR, WHENCE_END, WHENCE_SET };
#else
#define WASI "wasi_snapshot_preview1"
enum { WHENCE_SET, WHENCE_CUR, WHENCE_END };
#endif

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

#define IMPORT(name) __attribute__((import_module(WASI), import_name(#name))) extern

typedef struct { const void *at; u32 size; } iovec;
typedef struct { u8 type; u16 flags; u64 base, inheriting; } fdstat;
typedef struct { u8 tag; u32 name_size; } prestat;
typedef struct { u64 next, ino; u32 name_size; u8 type; } dirent;
#ifdef UNSTABLE
typedef struct { u64 dev, ino; u8 type; u32 nlink; u64 size, atim, mtim, ctim; } filestat;
typedef struct { u64 userdata; u8 tag; union {
  struct { u64 identifier; u32 id; u64 timeout, precision; u16 flags; } clock; u32 fd; }; } subscription;
#else
typedef struct { u64 dev, ino; u8 type; u64 nlink, size, atim, mtim, ctim; } filestat;
typedef struct { u64 userdata; u8 tag; union {
  struct { u32 id; u64 timeout, precision; u16 flags; } clock; u32 fd; }; } subscription;
#endif
typedef struct { u64 userdata; u16 error; u8 type; u64 nbytes; u16 flags; } event;

IMPORT(args_get) int args_get(char **argv, char *buffer);
IMPORT(args_sizes_get) int args_sizes_get(u32 *count, u32 *size);
IMPORT(environ_get) int environ_get(char **environ, char *buffer);
IMPORT(environ_sizes_get) int environ_sizes_get(u32 *count, u32 *size);
IMPORT(clock_res_get) int clock_res_get(u32 clock, u64 *resolution);
IMPORT(clock_time_get) int clock_time_get(u32 clock, u64 precision, u64 *time);
IMPORT(fd_advise) int fd_advise(int fd, u64 offset, u64 length, int advice);
IMPORT(fd_allocate) int fd_allocate(int fd, u64 offset, u64 length);
IMPORT(fd_close) int fd_close(int fd);
IMPORT(fd_datasync) int fd_datasync(int fd);
IMPORT(fd_fdstat_get) int fd_fdstat_get(int fd, fdstat *stat);
IMPORT(fd_fdstat_set_flags) int fd_fdstat_set_flags(int fd, int flags);
IMPORT(fd_fdstat_set_rights) int fd_fdstat_set_rights(int fd, u64 base, u64 inheriting);
IMPORT(fd_filestat_get) int fd_filestat_get(int fd, filestat *stat);
IMPORT(fd_filestat_set_size) int fd_filestat_set_size(int fd, u64 size);
IMPORT(fd_filestat_set_times) int fd_filestat_set_times(int fd, u64 atim, u64 mtim, int flags);
IMPORT(fd_pread) int fd_pread(int fd, const iovec *iovecs, u32 count, u64 offset, u32 *read);
IMPORT(fd_prestat_get) int fd_prestat_get(int fd, prestat *stat);
IMPORT(fd_prestat_dir_name) int fd_prestat_dir_name(int fd, char *name, u32 size);
IMPORT(fd_pwrite) int fd_pwrite(int fd, const iovec *iovecs, u32 count, u64 offset, u32 *written);
IMPORT(fd_read) int fd_read(int fd, const iovec *iovecs, u32 count, u32 *read);
IMPORT(fd_readdir) int fd_readdir(int fd, void *buffer, u32 size, u64 cookie, u32 *used);
IMPORT(fd_renumber) int fd_renumber(int fd, int to);
IMPORT(fd_seek) int fd_seek(int fd, s64 delta, int whence, u64 *position);
IMPORT(fd_sync) int fd_sync(int fd);
IMPORT(fd_tell) int fd_tell(int fd, u64 *position);
IMPORT(fd_write) int fd_write(int fd, const iovec *iovecs, u32 count, u32 *written);
IMPORT(path_create_directory) int path_create_directory(int fd, const char *path, u32 size);
IMPORT(path_filestat_get) int path_filestat_get(int fd, int lookup, const char *path, u32 size, filestat *stat);
IMPORT(path_filestat_set_times)
int path_filestat_set_times(int fd, int lookup, const char *path, u32 size, u64 atim, u64 mtim, int flags);
IMPORT(path_link)
int path_link(int fd, int lookup, const char *path, u32 size, int to_fd, const char *to, u32 to_size);
IMPORT(path_open)
int path_open(int fd, int lookup, const char *path, u32 size, int oflags, u64 base, u64 inheriting, int fdflags,
              int *opened);
IMPORT(path_readlink)
int path_readlink(int fd, const char *path, u32 size, char *buffer, u32 buffer_size, u32 *used);
IMPORT(path_remove_directory) int path_remove_directory(int fd, const char *path, u32 size);
IMPORT(path_rename)
int path_rename(int fd, const char *path, u32 size, int to_fd, const char *to, u32 to_size);
IMPORT(path_symlink) int path_symlink(const char *target, u32 target_size, int fd, const char *path, u32 size);
IMPORT(path_unlink_file) int path_unlink_file(int fd, const char *path, u32 size);
IMPORT(poll_oneoff) int poll_oneoff(const subscription *in, event *out, u32 count, u32 *stored);
IMPORT(proc_exit) void proc_exit(u32 code);
IMPORT(proc_raise) int proc_raise(int signal);
IMPORT(sched_yield) int sched_yield(void);
IMPORT(random_get) int random_get(void *buffer, u32 size);
IMPORT(sock_accept) int sock_accept(int fd, int flags, int *accepted);
IMPORT(sock_recv) int sock_recv(int fd, const iovec *iovecs, u32 count, int flags, u32 *size, u16 *out_flags);
IMPORT(sock_send) int sock_send(int fd, const iovec *iovecs, u32 count, int flags, u32 *size);
IMPORT(sock_shutdown) int sock_shutdown(int fd, int how);

enum { SYMLINK_FOLLOW = 1 };
enum { CREAT = 1, DIRECTORY = 2, EXCL = 4, TRUNC = 8 };
enum { APPEND = 1, DSYNC = 2, NONBLOCK = 4, RSYNC = 8, SYNC = 16 };
enum { ATIM = 1, ATIM_NOW = 2, MTIM = 4, MTIM_NOW = 8 };
enum { CLOCK, FD_READ_READY, FD_WRITE_READY };
enum { REALTIME, MONOTONIC };
enum { ABSOLUTE = 1 };

#define FD_DATASYNC (1ull << 0)
#define FD_READ (1ull << 1)
#define FD_SEEK (1ull << 2)
#define FD_FDSTAT_SET_FLAGS (1ull << 3)
#define FD_SYNC (1ull << 4)
#define FD_TELL (1ull << 5)
#define FD_WRITE (1ull << 6)
#define FD_ADVISE (1ull << 7)
#define FD_ALLOCATE (1ull << 8)
#define PATH_CREATE_FILE (1ull << 10)
#define PATH_OPEN (1ull << 13)
#define FD_READDIR (1ull << 14)
#define PATH_READLINK (1ull << 15)
#define PATH_FILESTAT_SET_SIZE (1ull << 19)
#define FD_FILESTAT_SET_SIZE (1ull << 22)
#define READ_WRITE (FD_READ | FD_WRITE)
#define ALL_RIGHTS ((1ull << 29) - 1)

/* The first preopened directory, and the second. */
enum { ROOT = 3, OTHER = 4 };

/* --- lines of output: each goes out at once */

static const char *const errno_names[] = {
  "SUCCESS", "2BIG", "ACCES", "ADDRINUSE", "ADDRNOTAVAIL", "AFNOSUPPORT", "AGAIN", "ALREADY", "BADF", "BADMSG", "BUSY",
  "CANCELED", "CHILD", "CONNABORTED", "CONNREFUSED", "CONNRESET", "DEADLK", "DESTADDRREQ", "DOM", "DQUOT", "EXIST",
  "FAULT", "FBIG", "HOSTUNREACH", "IDRM", "ILSEQ", "INPROGRESS", "INTR", "INVAL", "IO", "ISCONN", "ISDIR", "LOOP",
  "MFILE", "MLINK", "MSGSIZE", "MULTIHOP", "NAMETOOLONG", "NETDOWN", "NETRESET", "NETUNREACH", "NFILE", "NOBUFS",
  "NODEV", "NOENT", "NOEXEC", "NOLCK", "NOLINK", "NOMEM", "NOMSG", "NOPROTOOPT", "NOSPC", "NOSYS", "NOTCONN", "NOTDIR",
  "NOTEMPTY", "NOTRECOVERABLE", "NOTSOCK", "NOTSUP", "NOTTY", "NXIO", "OVERFLOW", "OWNERDEAD", "PERM", "PIPE", "PROTO",
  "PROTONOSUPPORT", "PROTOTYPE", "RANGE", "ROFS", "SPIPE", "SRCH", "STALE", "TIMEDOUT", "TXTBSY", "XDEV", "NOTCAPABLE",
};

/* `label: text` */
static void text(const char *label, const char *at, u32 size) {
  iovec line[] = {{label, strlen(label)}, {": ", 2}, {at, size}, {"\n", 1}};
  for (int i = 0; i < 4; i++) {
    u32 written;
    while (line[i].size && fd_write(1, &line[i], 1, &written) == 0) {
      line[i].at = (const char *)line[i].at + written;
      line[i].size -= written;
    }
  }
}

/* `label: ERRNO` */
static inline void say(const char *label, int error) {
  const char *name = (u32)error < sizeof errno_names / sizeof *errno_names ? errno_names[error] : "no errno";
  text(label, name, strlen(name));
}

/* `label: NUMBER` */
static inline void show(const char *label, u64 value) {
  char digits[20];
  int at = sizeof digits;
  do
    digits[--at] = '0' + value % 10;
  while (value /= 10);
  text(label, digits + at, sizeof digits - at);
}

/* `label: yes` or `no` */
static inline void check(const char *label, int holds) { text(label, holds ? "yes" : "no", holds ? 3 : 2); }

/* --- what programs do all the time */

/* A literal, or an array, as address and size. */
#define P(literal) literal, sizeof(literal) - 1

/* Opens a path; the descriptor, or -1 - errno. */
static inline int open_at(int dir, int lookup, const char *path, int oflags, u64 rights, int flags) {
  int fd = -1;
  int error = path_open(dir, lookup, path, strlen(path), oflags, rights, ALL_RIGHTS, flags, &fd);
  return error ? -1 - error : fd;
}

/* Opens what has to open, without which a program makes no sense. */
static inline int must_open(const char *path, int oflags, u64 rights) {
  int fd = open_at(ROOT, 0, path, oflags, rights, 0);
  if (fd < 0) {
    say(path, -1 - fd);
    proc_exit(99);
  }
  return fd;
}

/* Tries to open a path, says what came of it, and closes it again. */
static inline void try_open(const char *label, int dir, int lookup, const char *path, int oflags, u64 rights) {
  int fd = open_at(dir, lookup, path, oflags, rights, 0);
  say(label, fd < 0 ? -1 - fd : 0);
  if (fd >= 0)
    fd_close(fd);
}

static inline int write_text(int fd, const char *data) {
  iovec one = {data, strlen(data)};
  u32 written;
  return fd_write(fd, &one, 1, &written);
}

static inline int read_some(int fd, char *buffer, u32 size, u32 *read) {
  iovec one = {buffer, size};
  return fd_read(fd, &one, 1, read);
}

/* `label: what is left in the file`, or the errno. */
static inline void show_rest(const char *label, int fd) {
  char buffer[256];
  u32 size;
  int error = read_some(fd, buffer, sizeof buffer, &size);
  if (error)
    say(label, error);
  else
    text(label, buffer, size);
}
