;; Sums an array of words. The loop's comparison is <= where it should be <.
(module $off_by_one
  (memory 1)
  (data (i32.const 65516) "\01\00\00\00\02\00\00\00\03\00\00\00\04\00\00\00\05\00\00\00")
  (func $sum (param $array i32) (param $count i32) (result i32)
    (local $i i32) (local $total i32)
    (loop $next
      (local.set $total
        (i32.add
          (local.get $total)
          (i32.load (i32.add (local.get $array) (i32.shl (local.get $i) (i32.const 2))))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.le_u (local.get $i) (local.get $count))))
    (local.get $total))
  (func $main (export "main") (result i32)
    (call $sum (i32.const 65516) (i32.const 5))))
