;; What was written before a trap has gone out.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  ;; include: say.wat
  (data (i32.const 0x1000) "before\n")
  (func (export "_start")
    (call $say (call $next) (i32.const 0))
    unreachable))
