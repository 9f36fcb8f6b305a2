;; A table of divisors is built, then cleared scratch space overlaps it; the division that suffers comes much later.
(module $wild_store
  (memory 1)
  (func $build
    (local $i i32)
    (loop $next
      (i32.store (i32.add (i32.const 256) (i32.shl (local.get $i) (i32.const 2)))
        (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u
        (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 64)))))
  (func $clear (param $from i32) (param $count i32)
    (loop $next
      (i32.store (local.get $from) (i32.const 0))
      (local.set $from (i32.add (local.get $from) (i32.const 4)))
      (br_if $next (local.tee $count (i32.sub (local.get $count) (i32.const 1))))))
  (func $work (param $rounds i32) (result i32)
    (local $sum i32)
    (loop $next
      (local.set $sum (i32.add (local.get $sum)
        (i32.div_u (i32.const 1000)
          (i32.load (i32.add (i32.const 256)
            (i32.shl (i32.and (local.get $rounds) (i32.const 63)) (i32.const 2)))))))
      (br_if $next (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))
    (local.get $sum))
  (func $main (export "main") (result i32)
    (call $build)
    (call $clear (i32.const 192) (i32.const 17))
    (call $work (i32.const 63))
    drop
    (call $work (i32.const 64))))
