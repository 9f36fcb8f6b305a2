;; The exit of a start function ends the program before _start is called.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  ;; include: say.wat
  (data (i32.const 0x1000) "start\n" "not reached\n")
  (func $begin
    (call $say (call $next) (i32.const 0))
    (call $proc_exit (i32.const 5)))
  (func (export "_start")
    (call $say (call $next) (i32.const 0)))
  (start $begin))
