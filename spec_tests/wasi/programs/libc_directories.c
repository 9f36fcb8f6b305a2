/* Directories by way of the C library.
   @file one 1
   @mkdir dir
   @file dir/two 22
   @link link dir/two
   @unstable no: the C library imports the second snapshot */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int order(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void list(const char *path) {
  char *names[64];
  int count = 0;
  DIR *dir = opendir(path);
  if (!dir) {
    printf("%s: %s\n", path, strerror(errno));
    return;
  }
  for (struct dirent *entry; (entry = readdir(dir));) {
    names[count] = malloc(strlen(entry->d_name) + 12);
    sprintf(names[count++], "%s %d", entry->d_name, entry->d_type);
  }
  closedir(dir);
  qsort(names, count, sizeof *names, order);
  for (int i = 0; i < count; i++)
    printf("%s: %s\n", path, names[i]);
}

int main(void) {
  char path[32];
  struct stat found;
  printf("mkdir: %d\n", mkdir("many", 0777));
  for (int i = 0; i < 40; i++) {
    sprintf(path, "many/%02d", i);
    close(open(path, O_CREAT | O_WRONLY, 0666));
  }
  list("/");
  list("dir");
  list("many");
  list("one");
  list("nothing");
  printf("lstat: %d, link: %d\n", lstat("link", &found), S_ISLNK(found.st_mode));
  printf("stat: %d, size: %d\n", stat("link", &found), (int)found.st_size);
  printf("symlink: %d\n", symlink("two", "dir/three"));
  ssize_t size = readlink("dir/three", path, sizeof path);
  printf("readlink: %.*s\n", (int)size, path);
  printf("rmdir: %d, %s\n", rmdir("many"), strerror(errno));
  for (int i = 0; i < 40; i++) {
    sprintf(path, "many/%02d", i);
    unlink(path);
  }
  printf("rmdir: %d\n", rmdir("many"));
  return 0;
}
