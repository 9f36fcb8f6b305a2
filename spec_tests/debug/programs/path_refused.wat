;; Reads its settings; the name of the file leads out of the directory that was given to it.
(module $path_refused
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "../settings.ini")
  (func $open (param $name i32) (param $length i32) (result i32)
    (call $path_open (i32.const 3) (i32.const 0) (local.get $name) (local.get $length)
      (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 32)))
  (func $main (export "_start")
    (if (call $open (i32.const 64) (i32.const 15))
      (then (call $exit (i32.const 70))))))
