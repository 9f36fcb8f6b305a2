;; Prints 100,000 letters, each by a call of the host: slow, as docs/profiling.md finds out.
;;
;;   refsfi profile docs/demo/letters.wat >/dev/null
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  ;; one piece of output: address 16, a byte long
  (data (i32.const 0) "\10\00\00\00\01\00\00\00")
  (func $put (param $letter i32)
    (i32.store8 (i32.const 16) (local.get $letter))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $letters (export "_start")
    (local $i i32)
    (loop $next
      (call $put (i32.add (i32.const 97) (i32.rem_u (local.get $i) (i32.const 26))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 100000))))))
