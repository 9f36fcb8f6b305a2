;; The memory that counts is the one exported as `memory`, whichever it is.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory $first 1)
  (memory $second (export "memory") 1)
  (data (memory $first) (i32.const 0) "\10\00\00\00\06\00\00\00________wrong\n")
  (data (memory $second) (i32.const 0) "\10\00\00\00\06\00\00\00________right\n")
  (func (export "_start")
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
