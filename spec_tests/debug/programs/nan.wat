;; A standard deviation; rounding makes the difference of the means a little less than zero, whose root is no number.
(module $nan
  (func $variance (param $n f64) (param $sum f64) (param $squares f64) (result f64)
    (local $mean f64)
    (local.set $mean (f64.div (local.get $sum) (local.get $n)))
    (f64.sub
      (f64.div (local.get $squares) (local.get $n))
      (f64.mul (local.get $mean) (local.get $mean))))
  (func $deviation (param $value f64) (param $n i32) (result f64)
    (local $i i32) (local $sum f64) (local $squares f64)
    (loop $next
      (local.set $sum (f64.add (local.get $sum) (local.get $value)))
      (local.set $squares
        (f64.add (local.get $squares) (f64.mul (local.get $value) (local.get $value))))
      (br_if $next (i32.lt_u
        (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (f64.sqrt
      (call $variance (f64.convert_i32_u (local.get $n)) (local.get $sum) (local.get $squares))))
  (func $main (export "main") (result f64)
    (call $deviation (f64.const 0.3) (i32.const 6))))
