;; Copies n bytes word by word within memory, then sums the copy byte by byte: loads and stores of several widths.
(module
  (memory 16)
  (func (export "run") (param $n i32) (result i32)
    (local $i i32) (local $sum i32)
    (loop $fill
      (i32.store16 (local.get $i) (i32.mul (local.get $i) (i32.const 40503)))
      (br_if $fill (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 2))) (local.get $n))))
    (local.set $i (i32.const 0))
    (loop $copy
      (i32.store offset=0x80000 (local.get $i) (i32.load (local.get $i)))
      (br_if $copy (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 4))) (local.get $n))))
    (local.set $i (i32.const 0))
    (loop $sum_up
      (local.set $sum (i32.add (local.get $sum) (i32.load8_u offset=0x80000 (local.get $i))))
      (br_if $sum_up (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $sum)))
