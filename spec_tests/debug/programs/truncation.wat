;; A mean in seconds as an integer; nothing was measured, and 0 / 0 is no number.
(module $truncation
  (global $total (mut f64) (f64.const 0))
  (global $count (mut i32) (i32.const 0))
  (func $measure (param $seconds f64)
    (if (f64.gt (local.get $seconds) (f64.const 10))
      (then
        (global.set $total (f64.add (global.get $total) (local.get $seconds)))
        (global.set $count (i32.add (global.get $count) (i32.const 1))))))
  (func $mean (result i32)
    (i32.trunc_f64_s (f64.div (global.get $total) (f64.convert_i32_u (global.get $count)))))
  (func $main (export "main") (result i32)
    (call $measure (f64.const 2.5))
    (call $measure (f64.const 9.75))
    (call $mean)))
