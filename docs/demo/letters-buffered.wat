;; As letters.wat, with a buffer: the host is called once for 4,000 letters.
;;
;;   refsfi profile docs/demo/letters-buffered.wat >/dev/null
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  ;; one piece of output: address 16, as long as it has become
  (data (i32.const 0) "\10\00\00\00\00\00\00\00")
  (global $length (mut i32) (i32.const 0))
  (func $flush
    (i32.store (i32.const 4) (global.get $length))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (global.set $length (i32.const 0)))
  (func $put (param $letter i32)
    (i32.store8 offset=16 (global.get $length) (local.get $letter))
    (global.set $length (i32.add (global.get $length) (i32.const 1)))
    (if (i32.eq (global.get $length) (i32.const 4000)) (then (call $flush))))
  (func $letters (export "_start")
    (local $i i32)
    (loop $next
      (call $put (i32.add (i32.const 97) (i32.rem_u (local.get $i) (i32.const 26))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 100000))))
    (call $flush)))
