;; Points of an n by n grid over the Mandelbrot set that stay bounded for 50 iterations: f64 arithmetic in registers.
(module
  (func (export "run") (param $n i32) (result i32)
    (local $x i32) (local $y i32) (local $left i32) (local $inside i32)
    (local $cr f64) (local $ci f64) (local $zr f64) (local $zi f64) (local $rr f64) (local $ii f64) (local $step f64)
    (local.set $step (f64.div (f64.const 3) (f64.convert_i32_s (local.get $n))))
    (loop $rows
      (local.set $x (i32.const 0))
      (local.set $ci (f64.sub (f64.mul (f64.convert_i32_s (local.get $y)) (local.get $step)) (f64.const 1.5)))
      (loop $columns
        (local.set $cr (f64.sub (f64.mul (f64.convert_i32_s (local.get $x)) (local.get $step)) (f64.const 2)))
        (local.set $zr (f64.const 0))
        (local.set $zi (f64.const 0))
        (local.set $left (i32.const 50))
        (block $escaped
          (loop $iterate
            (local.set $rr (f64.mul (local.get $zr) (local.get $zr)))
            (local.set $ii (f64.mul (local.get $zi) (local.get $zi)))
            (br_if $escaped (f64.gt (f64.add (local.get $rr) (local.get $ii)) (f64.const 4)))
            (local.set $zi
              (f64.add (f64.mul (f64.mul (local.get $zr) (local.get $zi)) (f64.const 2)) (local.get $ci)))
            (local.set $zr (f64.add (f64.sub (local.get $rr) (local.get $ii)) (local.get $cr)))
            (br_if $iterate (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
          (local.set $inside (i32.add (local.get $inside) (i32.const 1))))
        (br_if $columns (i32.lt_u (local.tee $x (i32.add (local.get $x) (i32.const 1))) (local.get $n))))
      (br_if $rows (i32.lt_u (local.tee $y (i32.add (local.get $y) (i32.const 1))) (local.get $n))))
    (local.get $inside)))
