/* What main returns. */
#include "wasi.h"

int main(void) { return 42; }
