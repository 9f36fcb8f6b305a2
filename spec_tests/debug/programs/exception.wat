;; A parser throws $syntax; what calls it catches only $eof.
(module $exception
  (tag $eof)
  (tag $syntax (param i32 i32))
  (memory 1)
  (data (i32.const 0) "12+7;3*4;")
  (func $digit (param $at i32) (result i32)
    (local $c i32)
    (local.set $c (i32.load8_u (local.get $at)))
    (if (i32.eqz (local.get $c)) (then (throw $eof)))
    (if (i32.eq (local.get $c) (i32.const 42))
      (then (throw $syntax (local.get $at) (local.get $c))))
    (i32.and (local.get $c) (i32.const 15)))
  (func $parse (param $at i32) (result i32)
    (local $sum i32)
    (block $end
      (try_table (catch $eof $end)
        (loop $next
          (local.set $sum (i32.add (local.get $sum) (call $digit (local.get $at))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $next))))
    (local.get $sum))
  (func $main (export "main") (result i32)
    (call $parse (i32.const 0))))
