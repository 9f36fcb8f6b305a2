;; n indirect calls through a table of four functions.
(module
  (type $op (func (param i32) (result i32)))
  (table funcref (elem $increment $triple $mask $negate))
  (func $increment (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func $triple (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
  (func $mask (param i32) (result i32) (i32.xor (local.get 0) (i32.const 0x5a5a5a5a)))
  (func $negate (param i32) (result i32) (i32.sub (i32.const 0) (local.get 0)))
  (func (export "run") (param $n i32) (result i32)
    (local $acc i32)
    (loop $next
      (local.set $acc
        (call_indirect (type $op) (local.get $acc) (i32.and (local.get $n) (i32.const 3))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $acc)))
