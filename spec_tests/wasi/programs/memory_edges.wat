;; The last bytes of memory are as good as any, before and after it has grown; the first behind them are not.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  ;; include: say.wat
  (data (i32.const 0x1000) "nothing at the end\n" "the last byte\n" "the last word\n" "no strings at the end\n"
    "pages before\n" "the last word after growing\n" "one byte too many\n")
  (func (export "_start")
    (call $say (call $next) (call $random_get (i32.const 0x20000) (i32.const 0)))
    (call $say (call $next) (call $random_get (i32.const 0x1ffff) (i32.const 1)))
    (call $say (call $next) (call $clock_time_get (i32.const 1) (i64.const 1) (i32.const 0x1fff8)))
    (call $say (call $next) (call $environ_get (i32.const 0x20000) (i32.const 0x20000)))
    (call $show32 (call $next) (memory.grow (i32.const 1)))
    (call $say (call $next) (call $clock_time_get (i32.const 0) (i64.const 1) (i32.const 0x2fff8)))
    (drop (i32.load8_u (i32.const 0x2ffff)))
    (call $say (call $next) (call $random_get (i32.const 0x2ffff) (i32.const 2)))))
