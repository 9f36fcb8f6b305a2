/* A link to what is not there: a file is made where it leads, if it is followed.
   @link broken target */
#include "wasi.h"

int main(void) {
  try_open("not followed", ROOT, 0, "broken", CREAT, READ_WRITE);
  try_open("followed", ROOT, SYMLINK_FOLLOW, "broken", CREAT, READ_WRITE);
  try_open("the target", ROOT, 0, "target", 0, FD_READ);
  return 0;
}
