;; Factorials and Fibonacci numbers: one function per way in which control flows.
;;
;;   refsfi run --invoke fac docs/demo/fac.wat 20
(module
  ;; n! by recursion, modulo 2^64
  (func $fac (export "fac") (param $n i64) (result i64)
    (if (result i64) (i64.eqz (local.get $n))
      (then (i64.const 1))
      (else (i64.mul (local.get $n) (call $fac (i64.sub (local.get $n) (i64.const 1)))))))

  ;; the same by a loop
  (func (export "fac-loop") (param $n i64) (result i64)
    (local $product i64)
    (local.set $product (i64.const 1))
    (block $done
      (loop $next
        (br_if $done (i64.eqz (local.get $n)))
        (local.set $product (i64.mul (local.get $product) (local.get $n)))
        (local.set $n (i64.sub (local.get $n) (i64.const 1)))
        (br $next)))
    (local.get $product))

  ;; the n-th Fibonacci number, with two results carried around the loop
  (func (export "fib") (param $n i32) (result i64)
    (local $a i64) (local $b i64) (local $next i64)
    (local.set $b (i64.const 1))
    (loop $more
      (if (local.get $n)
        (then
          (local.set $next (i64.add (local.get $a) (local.get $b)))
          (local.set $a (local.get $b))
          (local.set $b (local.get $next))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br $more))))
    (local.get $a))

  ;; quotient and remainder: two results, and a trap where the divisor is zero
  (func (export "divmod") (param $a i32) (param $b i32) (result i32 i32)
    (i32.div_u (local.get $a) (local.get $b))
    (i32.rem_u (local.get $a) (local.get $b)))
)
