;; A table of operations; one of them has another type than the others.
(module $indirect_type
  (type $binary (func (param i32 i32) (result i32)))
  (table funcref (elem $add $sub $negate))
  (func $add (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func $sub (param i32 i32) (result i32) (i32.sub (local.get 0) (local.get 1)))
  (func $negate (param i32) (result i32) (i32.sub (i32.const 0) (local.get 0)))
  (func $apply (param $op i32) (param $a i32) (param $b i32) (result i32)
    (call_indirect (type $binary) (local.get $a) (local.get $b) (local.get $op)))
  (func $main (export "main") (result i32)
    (local $op i32) (local $value i32)
    (loop $each
      (local.set $value (call $apply (local.get $op) (local.get $value) (i32.const 3)))
      (local.set $op (i32.add (local.get $op) (i32.const 1)))
      (br_if $each (i32.lt_u (local.get $op) (i32.const 3))))
    (local.get $value)))
