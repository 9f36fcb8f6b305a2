;; A test script: a module, and what is asserted about it.
;;
;;   refsfi spec docs/demo/fac.wast
(module
  (func $fac (export "fac") (param $n i64) (result i64)
    (if (result i64) (i64.eqz (local.get $n))
      (then (i64.const 1))
      (else (i64.mul (local.get $n) (call $fac (i64.sub (local.get $n) (i64.const 1)))))))

  (func (export "divmod") (param $a i32) (param $b i32) (result i32 i32)
    (i32.div_u (local.get $a) (local.get $b))
    (i32.rem_u (local.get $a) (local.get $b)))

  (memory (export "memory") 1)
  (func (export "load") (param $address i32) (result i32) (i32.load (local.get $address)))
)

(assert_return (invoke "fac" (i64.const 0)) (i64.const 1))
(assert_return (invoke "fac" (i64.const 5)) (i64.const 120))
(assert_return (invoke "fac" (i64.const 20)) (i64.const 2432902008176640000))
(assert_return (invoke "fac" (i64.const 66)) (i64.const 0))  ;; 2^64 divides 66!

(assert_return (invoke "divmod" (i32.const 17) (i32.const 5)) (i32.const 3) (i32.const 2))
(assert_return (invoke "divmod" (i32.const -1) (i32.const 2)) (i32.const 0x7fffffff) (i32.const 1))
(assert_trap (invoke "divmod" (i32.const 1) (i32.const 0)) "integer divide by zero")

(assert_return (invoke "load" (i32.const 0xfffc)) (i32.const 0))
(assert_trap (invoke "load" (i32.const 0xfffd)) "out of bounds memory access")
(assert_trap (invoke "load" (i32.const -1)) "out of bounds memory access")

(assert_invalid (module (func (result i32) (i64.const 0))) "type mismatch")
(assert_malformed (module quote "(func (i32.no_such_instruction))") "unknown operator")
