;; A 64-bit mixing function, n times over its own result: i64 multiply, shift, rotate, xor.
(module
  (func (export "run") (param $n i32) (result i32)
    (local $h i64)
    (local.set $h (i64.const 0x9e3779b97f4a7c15))
    (loop $mix
      (local.set $h (i64.xor (local.get $h) (i64.extend_i32_u (local.get $n))))
      (local.set $h (i64.xor (local.get $h) (i64.shr_u (local.get $h) (i64.const 29))))
      (local.set $h (i64.mul (local.get $h) (i64.const 0x5851f42d4c957f2d)))
      (local.set $h (i64.rotl (local.get $h) (i64.const 23)))
      (local.set $h (i64.add (local.get $h) (i64.const 0x14057b7ef767814f)))
      (br_if $mix (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.wrap_i64 (i64.xor (local.get $h) (i64.shr_u (local.get $h) (i64.const 32))))))
