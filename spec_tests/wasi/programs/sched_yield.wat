;; Giving way succeeds, and returns.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $sched_yield (result i32)))
  ;; include: say.wat
  (data (i32.const 0x1000) "yield\n" "again\n")
  (func (export "_start")
    (call $say (call $next) (call $sched_yield))
    (call $say (call $next) (call $sched_yield))))
