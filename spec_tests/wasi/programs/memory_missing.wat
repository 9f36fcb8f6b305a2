;; A function that needs memory traps where the instance exports none.
(module
  (import "wasi_snapshot_preview1" "sched_yield" (func $sched_yield (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory 1)
  (func (export "_start")
    (drop (call $sched_yield))
    (drop (call $random_get (i32.const 0) (i32.const 8)))
    (call $proc_exit (i32.const 1))))
