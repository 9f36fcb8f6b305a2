;; A small interpreter's loop: n operations chosen by a pseudo-random number through br_table.
(module
  (func (export "run") (param $n i32) (result i32)
    (local $seed i32) (local $acc i32)
    (local.set $seed (i32.const 12345))
    (loop $next
      (local.set $seed
        (i32.add (i32.mul (local.get $seed) (i32.const 1664525)) (i32.const 1013904223)))
      (block $join
        (block $double
          (block $flip
            (block $rotate
              (block $subtract
                (block $add
                  (br_table $add $subtract $rotate $flip $double (i32.shr_u (local.get $seed) (i32.const 29))))
                (local.set $acc (i32.add (local.get $acc) (local.get $seed)))
                (br $join))
              (local.set $acc (i32.sub (local.get $acc) (i32.const 17)))
              (br $join))
            (local.set $acc (i32.rotl (local.get $acc) (i32.const 5)))
            (br $join))
          (local.set $acc (i32.xor (local.get $acc) (i32.const -1)))
          (br $join))
        (local.set $acc (i32.shl (local.get $acc) (i32.const 1))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $acc)))
