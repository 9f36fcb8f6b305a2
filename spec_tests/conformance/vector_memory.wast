;; Chapter 4.6.8, loads and stores of vectors. Every access is tried at the edge of the memory, too.

(module
  (memory 1)
  (data (i32.const 0) "\0b\30\55\7a\9f\c4\e9\0e\80\ff\7f\01\c7\ec\11\36\5b\80\a5\ca\ef\14\39\5e\83\a8\cd\f2\17\3c\61\86\ab\d0\f5\1a\3f\64\89\ae")
  (func (export "at") (param i32) (result v128) (v128.load (local.get 0)))
  (func (export "v128.load") (param i32) (result v128) (v128.load offset=3 (local.get 0)))
  (func (export "v128.load8x8_s") (param i32) (result v128) (v128.load8x8_s offset=3 (local.get 0)))
  (func (export "v128.load8x8_u") (param i32) (result v128) (v128.load8x8_u offset=3 (local.get 0)))
  (func (export "v128.load16x4_s") (param i32) (result v128) (v128.load16x4_s offset=3 (local.get 0)))
  (func (export "v128.load16x4_u") (param i32) (result v128) (v128.load16x4_u offset=3 (local.get 0)))
  (func (export "v128.load32x2_s") (param i32) (result v128) (v128.load32x2_s offset=3 (local.get 0)))
  (func (export "v128.load32x2_u") (param i32) (result v128) (v128.load32x2_u offset=3 (local.get 0)))
  (func (export "v128.load8_splat") (param i32) (result v128) (v128.load8_splat offset=3 (local.get 0)))
  (func (export "v128.load16_splat") (param i32) (result v128) (v128.load16_splat offset=3 (local.get 0)))
  (func (export "v128.load32_splat") (param i32) (result v128) (v128.load32_splat offset=3 (local.get 0)))
  (func (export "v128.load64_splat") (param i32) (result v128) (v128.load64_splat offset=3 (local.get 0)))
  (func (export "v128.load32_zero") (param i32) (result v128) (v128.load32_zero offset=3 (local.get 0)))
  (func (export "v128.load64_zero") (param i32) (result v128) (v128.load64_zero offset=3 (local.get 0)))
  (func (export "v128.load8_lane") (param i32 v128) (result v128) (v128.load8_lane offset=2 align=1 14 (local.get 0) (local.get 1)))
  (func (export "v128.load16_lane") (param i32 v128) (result v128) (v128.load16_lane offset=2 align=1 6 (local.get 0) (local.get 1)))
  (func (export "v128.load32_lane") (param i32 v128) (result v128) (v128.load32_lane offset=2 align=1 2 (local.get 0) (local.get 1)))
  (func (export "v128.load64_lane") (param i32 v128) (result v128) (v128.load64_lane offset=2 align=1 1 (local.get 0) (local.get 1)))
  (func (export "v128.store") (param i32 v128) (v128.store offset=1 (local.get 0) (local.get 1)))
  (func (export "v128.store8_lane") (param i32 v128) (v128.store8_lane offset=4 15 (local.get 0) (local.get 1)))
  (func (export "v128.store16_lane") (param i32 v128) (v128.store16_lane offset=4 7 (local.get 0) (local.get 1)))
  (func (export "v128.store32_lane") (param i32 v128) (v128.store32_lane offset=4 3 (local.get 0) (local.get 1)))
  (func (export "v128.store64_lane") (param i32 v128) (v128.store64_lane offset=4 1 (local.get 0) (local.get 1))))

(assert_return
  (invoke "v128.load"
    (i32.const 0))
  (v128.const i8x16 122 -97 -60 -23 14 -128 -1 127 1 -57 -20 17 54 91 -128 -91))
(assert_return
  (invoke "v128.load"
    (i32.const 5))
  (v128.const i8x16 -128 -1 127 1 -57 -20 17 54 91 -128 -91 -54 -17 20 57 94))
(assert_return (invoke "v128.load" (i32.const 65517)) (v128.const i8x16 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0))
(assert_trap (invoke "v128.load" (i32.const 65518)) "out of bounds memory access")
(assert_trap (invoke "v128.load" (i32.const -1)) "out of bounds memory access")

(assert_return
  (invoke "v128.load8x8_s"
    (i32.const 0))
  (v128.const i8x16 122 0 -97 -1 -60 -1 -23 -1 14 0 -128 -1 -1 -1 127 0))
(assert_return
  (invoke "v128.load8x8_s"
    (i32.const 5))
  (v128.const i8x16 -128 -1 -1 -1 127 0 1 0 -57 -1 -20 -1 17 0 54 0))
(assert_return (invoke "v128.load8x8_s" (i32.const 65525)) (v128.const i8x16 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0))
(assert_trap (invoke "v128.load8x8_s" (i32.const 65526)) "out of bounds memory access")
(assert_trap (invoke "v128.load8x8_s" (i32.const -1)) "out of bounds memory access")

(assert_return
  (invoke "v128.load8x8_u"
    (i32.const 0))
  (v128.const i8x16 122 0 -97 0 -60 0 -23 0 14 0 -128 0 -1 0 127 0))
(assert_return (invoke "v128.load8x8_u" (i32.const 5)) (v128.const i8x16 -128 0 -1 0 127 0 1 0 -57 0 -20 0 17 0 54 0))
(assert_return (invoke "v128.load8x8_u" (i32.const 65525)) (v128.const i8x16 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0))
(assert_trap (invoke "v128.load8x8_u" (i32.const 65526)) "out of bounds memory access")
(assert_trap (invoke "v128.load8x8_u" (i32.const -1)) "out of bounds memory access")

(assert_return
  (invoke "v128.load16x4_s"
    (i32.const 0))
  (v128.const i8x16 122 -97 -1 -1 -60 -23 -1 -1 14 -128 -1 -1 -1 127 0 0))
(assert_return
  (invoke "v128.load16x4_s"
    (i32.const 5))
  (v128.const i8x16 -128 -1 -1 -1 127 1 0 0 -57 -20 -1 -1 17 54 0 0))
(assert_return (invoke "v128.load16x4_s" (i32.const 65525)) (v128.const i8x16 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0))
(assert_trap (invoke "v128.load16x4_s" (i32.const 65526)) "out of bounds memory access")
(assert_trap (invoke "v128.load16x4_s" (i32.const -1)) "out of bounds memory access")

(assert_return
  (invoke "v128.load16x4_u"
    (i32.const 0))
  (v128.const i8x16 122 -97 0 0 -60 -23 0 0 14 -128 0 0 -1 127 0 0))
(assert_return
  (invoke "v128.load16x4_u"
    (i32.const 5))
  (v128.const i8x16 -128 -1 0 0 127 1 0 0 -57 -20 0 0 17 54 0 0))
(assert_return (invoke "v128.load16x4_u" (i32.const 65525)) (v128.const i8x16 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0))
(assert_trap (invoke "v128.load16x4_u" (i32.const 65526)) "out of bounds memory access")
(assert_trap (invoke "v128.load16x4_u" (i32.const -1)) "out of bounds memory access")

(assert_return
  (invoke "v128.load32x2_s"
    (i32.const 0))
  (v128.const i8x16 122 -97 -60 -23 -1 -1 -1 -1 14 -128 -1 127 0 0 0 0))
(assert_return
  (invoke "v128.load32x2_s"
    (i32.const 5))
  (v128.const i8x16 -128 -1 127 1 0 0 0 0 -57 -20 17 54 0 0 0 0))
(assert_return (invoke "v128.load32x2_s" (i32.const 65525)) (v128.const i8x16 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0))
(assert_trap (invoke "v128.load32x2_s" (i32.const 65526)) "out of bounds memory access")
(assert_trap (invoke "v128.load32x2_s" (i32.const -1)) "out of bounds memory access")

(assert_return
  (invoke "v128.load32x2_u"
    (i32.const 0))
  (v128.const i8x16 122 -97 -60 -23 0 0 0 0 14 -128 -1 127 0 0 0 0))
(assert_return
  (invoke "v128.load32x2_u"
    (i32.const 5))
  (v128.const i8x16 -128 -1 127 1 0 0 0 0 -57 -20 17 54 0 0 0 0))
(assert_return (invoke "v128.load32x2_u" (i32.const 65525)) (v128.const i8x16 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0))
(assert_trap (invoke "v128.load32x2_u" (i32.const 65526)) "out of bounds memory access")
(assert_trap (invoke "v128.load32x2_u" (i32.const -1)) "out of bounds memory access")

(assert_return
  (invoke "v128.load8_splat"
    (i32.const 0))
  (v128.const i8x16 122 122 122 122 122 122 122 122 122 122 122 122 122 122 122 122))
(assert_return
  (invoke "v128.load8_splat"
    (i32.const 5))
  (v128.const i8x16 -128 -128 -128 -128 -128 -128 -128 -128 -128 -128 -128 -128 -128 -128 -128 -128))
(assert_return (invoke "v128.load8_splat" (i32.const 65532)) (v128.const i8x16 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0))
(assert_trap (invoke "v128.load8_splat" (i32.const 65533)) "out of bounds memory access")
(assert_trap (invoke "v128.load8_splat" (i32.const -1)) "out of bounds memory access")

(assert_return
  (invoke "v128.load16_splat"
    (i32.const 0))
  (v128.const i8x16 122 -97 122 -97 122 -97 122 -97 122 -97 122 -97 122 -97 122 -97))
(assert_return
  (invoke "v128.load16_splat"
    (i32.const 5))
  (v128.const i8x16 -128 -1 -128 -1 -128 -1 -128 -1 -128 -1 -128 -1 -128 -1 -128 -1))
(assert_return (invoke "v128.load16_splat" (i32.const 65531)) (v128.const i8x16 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0))
(assert_trap (invoke "v128.load16_splat" (i32.const 65532)) "out of bounds memory access")
(assert_trap (invoke "v128.load16_splat" (i32.const -1)) "out of bounds memory access")

(assert_return
  (invoke "v128.load32_splat"
    (i32.const 0))
  (v128.const i8x16 122 -97 -60 -23 122 -97 -60 -23 122 -97 -60 -23 122 -97 -60 -23))
(assert_return
  (invoke "v128.load32_splat"
    (i32.const 5))
  (v128.const i8x16 -128 -1 127 1 -128 -1 127 1 -128 -1 127 1 -128 -1 127 1))
(assert_return (invoke "v128.load32_splat" (i32.const 65529)) (v128.const i8x16 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0))
(assert_trap (invoke "v128.load32_splat" (i32.const 65530)) "out of bounds memory access")
(assert_trap (invoke "v128.load32_splat" (i32.const -1)) "out of bounds memory access")

(assert_return
  (invoke "v128.load64_splat"
    (i32.const 0))
  (v128.const i8x16 122 -97 -60 -23 14 -128 -1 127 122 -97 -60 -23 14 -128 -1 127))
(assert_return
  (invoke "v128.load64_splat"
    (i32.const 5))
  (v128.const i8x16 -128 -1 127 1 -57 -20 17 54 -128 -1 127 1 -57 -20 17 54))
(assert_return (invoke "v128.load64_splat" (i32.const 65525)) (v128.const i8x16 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0))
(assert_trap (invoke "v128.load64_splat" (i32.const 65526)) "out of bounds memory access")
(assert_trap (invoke "v128.load64_splat" (i32.const -1)) "out of bounds memory access")

(assert_return (invoke "v128.load32_zero" (i32.const 0)) (v128.const i8x16 122 -97 -60 -23 0 0 0 0 0 0 0 0 0 0 0 0))
(assert_return (invoke "v128.load32_zero" (i32.const 5)) (v128.const i8x16 -128 -1 127 1 0 0 0 0 0 0 0 0 0 0 0 0))
(assert_return (invoke "v128.load32_zero" (i32.const 65529)) (v128.const i8x16 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0))
(assert_trap (invoke "v128.load32_zero" (i32.const 65530)) "out of bounds memory access")
(assert_trap (invoke "v128.load32_zero" (i32.const -1)) "out of bounds memory access")

(assert_return
  (invoke "v128.load64_zero"
    (i32.const 0))
  (v128.const i8x16 122 -97 -60 -23 14 -128 -1 127 0 0 0 0 0 0 0 0))
(assert_return
  (invoke "v128.load64_zero"
    (i32.const 5))
  (v128.const i8x16 -128 -1 127 1 -57 -20 17 54 0 0 0 0 0 0 0 0))
(assert_return (invoke "v128.load64_zero" (i32.const 65525)) (v128.const i8x16 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0))
(assert_trap (invoke "v128.load64_zero" (i32.const 65526)) "out of bounds memory access")
(assert_trap (invoke "v128.load64_zero" (i32.const -1)) "out of bounds memory access")

(assert_return
  (invoke "v128.load8_lane"
    (i32.const 4)
    (v128.const i8x16 -96 -95 -94 -93 -92 -91 -90 -89 -88 -87 -86 -85 -84 -83 -82 -81))
  (v128.const i8x16 -96 -95 -94 -93 -92 -91 -90 -89 -88 -87 -86 -85 -84 -83 -23 -81))
(assert_trap (invoke "v128.load8_lane" (i32.const 65534) (v128.const i64x2 0 0)) "out of bounds memory access")

(assert_return
  (invoke "v128.load16_lane"
    (i32.const 4)
    (v128.const i8x16 -96 -95 -94 -93 -92 -91 -90 -89 -88 -87 -86 -85 -84 -83 -82 -81))
  (v128.const i8x16 -96 -95 -94 -93 -92 -91 -90 -89 -88 -87 -86 -85 -23 14 -82 -81))
(assert_trap (invoke "v128.load16_lane" (i32.const 65533) (v128.const i64x2 0 0)) "out of bounds memory access")

(assert_return
  (invoke "v128.load32_lane"
    (i32.const 4)
    (v128.const i8x16 -96 -95 -94 -93 -92 -91 -90 -89 -88 -87 -86 -85 -84 -83 -82 -81))
  (v128.const i8x16 -96 -95 -94 -93 -92 -91 -90 -89 -23 14 -128 -1 -84 -83 -82 -81))
(assert_trap (invoke "v128.load32_lane" (i32.const 65531) (v128.const i64x2 0 0)) "out of bounds memory access")

(assert_return
  (invoke "v128.load64_lane"
    (i32.const 4)
    (v128.const i8x16 -96 -95 -94 -93 -92 -91 -90 -89 -88 -87 -86 -85 -84 -83 -82 -81))
  (v128.const i8x16 -96 -95 -94 -93 -92 -91 -90 -89 -23 14 -128 -1 127 1 -57 -20))
(assert_trap (invoke "v128.load64_lane" (i32.const 65527) (v128.const i64x2 0 0)) "out of bounds memory access")

(invoke "v128.store" (i32.const 999) (v128.const i8x16 -96 -95 -94 -93 -92 -91 -90 -89 -88 -87 -86 -85 -84 -83 -82 -81))
(assert_return
  (invoke "at"
    (i32.const 998))
  (v128.const i8x16 0 0 -96 -95 -94 -93 -92 -91 -90 -89 -88 -87 -86 -85 -84 -83))
(assert_return
  (invoke "at"
    (i32.const 1004))
  (v128.const i8x16 -92 -91 -90 -89 -88 -87 -86 -85 -84 -83 -82 -81 0 0 0 0))
(assert_trap (invoke "v128.store" (i32.const 65520) (v128.const i8x16 -96 -95 -94 -93 -92 -91 -90 -89 -88 -87 -86 -85 -84 -83 -82 -81)) "out of bounds memory access")
;; A store that traps writes nothing.
(assert_return (invoke "at" (i32.const 65520)) (v128.const i8x16 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0))

(invoke "v128.store8_lane" (i32.const 2080) (v128.const i8x16 -96 -95 -94 -93 -92 -91 -90 -89 -88 -87 -86 -85 -84 -83 -82 -81))
(assert_return (invoke "at" (i32.const 2082)) (v128.const i8x16 0 0 -81 0 0 0 0 0 0 0 0 0 0 0 0 0))
(assert_trap (invoke "v128.store8_lane" (i32.const 65532) (v128.const i8x16 -96 -95 -94 -93 -92 -91 -90 -89 -88 -87 -86 -85 -84 -83 -82 -81)) "out of bounds memory access")

(invoke "v128.store16_lane" (i32.const 2160) (v128.const i8x16 -96 -95 -94 -93 -92 -91 -90 -89 -88 -87 -86 -85 -84 -83 -82 -81))
(assert_return (invoke "at" (i32.const 2162)) (v128.const i8x16 0 0 -82 -81 0 0 0 0 0 0 0 0 0 0 0 0))
(assert_trap (invoke "v128.store16_lane" (i32.const 65531) (v128.const i8x16 -96 -95 -94 -93 -92 -91 -90 -89 -88 -87 -86 -85 -84 -83 -82 -81)) "out of bounds memory access")

(invoke "v128.store32_lane" (i32.const 2320) (v128.const i8x16 -96 -95 -94 -93 -92 -91 -90 -89 -88 -87 -86 -85 -84 -83 -82 -81))
(assert_return (invoke "at" (i32.const 2322)) (v128.const i8x16 0 0 -84 -83 -82 -81 0 0 0 0 0 0 0 0 0 0))
(assert_trap (invoke "v128.store32_lane" (i32.const 65529) (v128.const i8x16 -96 -95 -94 -93 -92 -91 -90 -89 -88 -87 -86 -85 -84 -83 -82 -81)) "out of bounds memory access")

(invoke "v128.store64_lane" (i32.const 2640) (v128.const i8x16 -96 -95 -94 -93 -92 -91 -90 -89 -88 -87 -86 -85 -84 -83 -82 -81))
(assert_return (invoke "at" (i32.const 2642)) (v128.const i8x16 0 0 -88 -87 -86 -85 -84 -83 -82 -81 0 0 0 0 0 0))
(assert_trap (invoke "v128.store64_lane" (i32.const 65525) (v128.const i8x16 -96 -95 -94 -93 -92 -91 -90 -89 -88 -87 -86 -85 -84 -83 -82 -81)) "out of bounds memory access")
