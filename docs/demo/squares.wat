(module
  (memory (export "memory") 1)
  (func $square (param i32) (result i32)
    (i32.mul (local.get 0) (local.get 0)))
  (func $squares (export "squares") (param $n i32) (result i32)
    (local $i i32)
    (local $sum i32)
    (loop $next
      (i32.store (i32.shl (local.get $i) (i32.const 2)) (call $square (local.get $i)))
      (local.set $sum (i32.add (local.get $sum) (i32.load (i32.shl (local.get $i) (i32.const 2)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $sum)))
