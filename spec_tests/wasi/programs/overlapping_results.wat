;; Results may lie where the arguments lay: these are read before.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get"
    (func $path_filestat_get (param i32 i32 i32 i32 i32) (result i32)))
  ;; include: say.wat
  (data (i32.const 0x1000) "count into the list of buffers\n" "count\n" "descriptor into the path\n" "descriptor\n"
    "attributes onto the path\n" "type\n" "both sizes at one place\n" "the last one stays\n")
  (data (i32.const 0x8000) "file")
  (data (i32.const 0x9000) "file")
  (data (i32.const 0xa000) "\00\a1\00\00\06\00\00\00")
  (data (i32.const 0xa100) "hello\n")
  (func (export "_start")
    (call $say (call $next) (call $fd_write (i32.const 1) (i32.const 0xa000) (i32.const 1) (i32.const 0xa004)))
    (call $show32 (call $next) (i32.load (i32.const 0xa004)))
    (call $say (call $next)
      (call $path_open (i32.const 3) (i32.const 0) (i32.const 0x8000) (i32.const 4) (i32.const 1) (i64.const 0x42)
        (i64.const 0) (i32.const 0) (i32.const 0x8000)))
    (call $show32 (call $next) (i32.load (i32.const 0x8000)))
    (call $say (call $next)
      (call $path_filestat_get (i32.const 3) (i32.const 0) (i32.const 0x9000) (i32.const 4) (i32.const 0x9000)))
    (call $show32 (call $next) (i32.load8_u (i32.const 0x9010)))
    (call $say (call $next) (call $args_sizes_get (i32.const 0x9000) (i32.const 0x9000)))
    (call $show32 (call $next) (i32.load (i32.const 0x9000)))))
