;; The longest Collatz chain that starts below n: 64-bit arithmetic and unpredictable branches.
(module
  (func (export "run") (param $n i32) (result i32)
    (local $start i32) (local $length i32) (local $longest i32) (local $x i64)
    (local.set $start (i32.const 1))
    (loop $starts
      (local.set $x (i64.extend_i32_u (local.get $start)))
      (local.set $length (i32.const 1))
      (block $one
        (loop $chain
          (br_if $one (i64.eq (local.get $x) (i64.const 1)))
          (if (i64.eqz (i64.and (local.get $x) (i64.const 1)))
            (then (local.set $x (i64.shr_u (local.get $x) (i64.const 1))))
            (else (local.set $x (i64.add (i64.mul (local.get $x) (i64.const 3)) (i64.const 1)))))
          (local.set $length (i32.add (local.get $length) (i32.const 1)))
          (br $chain)))
      (if (i32.gt_u (local.get $length) (local.get $longest)) (then (local.set $longest (local.get $length))))
      (br_if $starts (i32.lt_u (local.tee $start (i32.add (local.get $start) (i32.const 1))) (local.get $n))))
    (local.get $longest)))
