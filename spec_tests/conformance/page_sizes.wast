;; Custom page sizes: memories whose page is one byte.

(module
  (memory (export "bytes") 10 20 (pagesize 1))
  (func (export "size") (result i32) (memory.size))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "load") (param i32) (result i32) (i32.load16_u (local.get 0)))
  (func (export "store") (param i32 i32) (i32.store16 (local.get 0) (local.get 1)))
  (func (export "fill") (param i32 i32) (memory.fill (local.get 0) (i32.const 7) (local.get 1))))
(assert_return (invoke "size") (i32.const 10))
(invoke "store" (i32.const 8) (i32.const 0x1234))
(assert_return (invoke "load" (i32.const 8)) (i32.const 0x1234))
(assert_trap (invoke "load" (i32.const 9)) "out of bounds memory access")
(assert_trap (invoke "store" (i32.const 9) (i32.const 0)) "out of bounds memory access")
(assert_return (invoke "grow" (i32.const 11)) (i32.const -1))
(assert_return (invoke "grow" (i32.const 3)) (i32.const 10))
(assert_return (invoke "size") (i32.const 13))
(assert_return (invoke "load" (i32.const 11)) (i32.const 0))
(invoke "fill" (i32.const 11) (i32.const 2))
(assert_return (invoke "load" (i32.const 11)) (i32.const 0x707))
(assert_trap (invoke "fill" (i32.const 11) (i32.const 3)) "out of bounds memory access")

(assert_invalid (module (memory 1 (pagesize 2))) "invalid custom page size")
(assert_malformed (module quote "(memory 1 (pagesize 3))") "invalid custom page size")
