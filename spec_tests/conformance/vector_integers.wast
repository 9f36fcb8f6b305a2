;; Chapter 4.3.6, integer arithmetic on vectors.

(module
  (func (export "i8x16.add") (param v128 v128) (result v128) (i8x16.add (local.get 0) (local.get 1)))
  (func (export "i8x16.sub") (param v128 v128) (result v128) (i8x16.sub (local.get 0) (local.get 1)))
  (func (export "i8x16.add_sat_s") (param v128 v128) (result v128) (i8x16.add_sat_s (local.get 0) (local.get 1)))
  (func (export "i8x16.add_sat_u") (param v128 v128) (result v128) (i8x16.add_sat_u (local.get 0) (local.get 1)))
  (func (export "i8x16.sub_sat_s") (param v128 v128) (result v128) (i8x16.sub_sat_s (local.get 0) (local.get 1)))
  (func (export "i8x16.sub_sat_u") (param v128 v128) (result v128) (i8x16.sub_sat_u (local.get 0) (local.get 1)))
  (func (export "i8x16.avgr_u") (param v128 v128) (result v128) (i8x16.avgr_u (local.get 0) (local.get 1)))
  (func (export "i8x16.min_s") (param v128 v128) (result v128) (i8x16.min_s (local.get 0) (local.get 1)))
  (func (export "i8x16.min_u") (param v128 v128) (result v128) (i8x16.min_u (local.get 0) (local.get 1)))
  (func (export "i8x16.max_s") (param v128 v128) (result v128) (i8x16.max_s (local.get 0) (local.get 1)))
  (func (export "i8x16.max_u") (param v128 v128) (result v128) (i8x16.max_u (local.get 0) (local.get 1)))
  (func (export "i8x16.abs") (param v128) (result v128) (i8x16.abs (local.get 0)))
  (func (export "i8x16.neg") (param v128) (result v128) (i8x16.neg (local.get 0)))
  (func (export "i8x16.popcnt") (param v128) (result v128) (i8x16.popcnt (local.get 0)))
  (func (export "i8x16.shl") (param v128 i32) (result v128) (i8x16.shl (local.get 0) (local.get 1)))
  (func (export "i8x16.shr_s") (param v128 i32) (result v128) (i8x16.shr_s (local.get 0) (local.get 1)))
  (func (export "i8x16.shr_u") (param v128 i32) (result v128) (i8x16.shr_u (local.get 0) (local.get 1)))
  (func (export "i8x16.all_true") (param v128) (result i32) (i8x16.all_true (local.get 0)))
  (func (export "i8x16.bitmask") (param v128) (result i32) (i8x16.bitmask (local.get 0)))
  (func (export "i16x8.add") (param v128 v128) (result v128) (i16x8.add (local.get 0) (local.get 1)))
  (func (export "i16x8.sub") (param v128 v128) (result v128) (i16x8.sub (local.get 0) (local.get 1)))
  (func (export "i16x8.mul") (param v128 v128) (result v128) (i16x8.mul (local.get 0) (local.get 1)))
  (func (export "i16x8.add_sat_s") (param v128 v128) (result v128) (i16x8.add_sat_s (local.get 0) (local.get 1)))
  (func (export "i16x8.add_sat_u") (param v128 v128) (result v128) (i16x8.add_sat_u (local.get 0) (local.get 1)))
  (func (export "i16x8.sub_sat_s") (param v128 v128) (result v128) (i16x8.sub_sat_s (local.get 0) (local.get 1)))
  (func (export "i16x8.sub_sat_u") (param v128 v128) (result v128) (i16x8.sub_sat_u (local.get 0) (local.get 1)))
  (func (export "i16x8.avgr_u") (param v128 v128) (result v128) (i16x8.avgr_u (local.get 0) (local.get 1)))
  (func (export "i16x8.min_s") (param v128 v128) (result v128) (i16x8.min_s (local.get 0) (local.get 1)))
  (func (export "i16x8.min_u") (param v128 v128) (result v128) (i16x8.min_u (local.get 0) (local.get 1)))
  (func (export "i16x8.max_s") (param v128 v128) (result v128) (i16x8.max_s (local.get 0) (local.get 1)))
  (func (export "i16x8.max_u") (param v128 v128) (result v128) (i16x8.max_u (local.get 0) (local.get 1)))
  (func (export "i16x8.q15mulr_sat_s") (param v128 v128) (result v128) (i16x8.q15mulr_sat_s (local.get 0) (local.get 1)))
  (func (export "i16x8.abs") (param v128) (result v128) (i16x8.abs (local.get 0)))
  (func (export "i16x8.neg") (param v128) (result v128) (i16x8.neg (local.get 0)))
  (func (export "i16x8.shl") (param v128 i32) (result v128) (i16x8.shl (local.get 0) (local.get 1)))
  (func (export "i16x8.shr_s") (param v128 i32) (result v128) (i16x8.shr_s (local.get 0) (local.get 1)))
  (func (export "i16x8.shr_u") (param v128 i32) (result v128) (i16x8.shr_u (local.get 0) (local.get 1)))
  (func (export "i16x8.all_true") (param v128) (result i32) (i16x8.all_true (local.get 0)))
  (func (export "i16x8.bitmask") (param v128) (result i32) (i16x8.bitmask (local.get 0)))
  (func (export "i32x4.add") (param v128 v128) (result v128) (i32x4.add (local.get 0) (local.get 1)))
  (func (export "i32x4.sub") (param v128 v128) (result v128) (i32x4.sub (local.get 0) (local.get 1)))
  (func (export "i32x4.mul") (param v128 v128) (result v128) (i32x4.mul (local.get 0) (local.get 1)))
  (func (export "i32x4.min_s") (param v128 v128) (result v128) (i32x4.min_s (local.get 0) (local.get 1)))
  (func (export "i32x4.min_u") (param v128 v128) (result v128) (i32x4.min_u (local.get 0) (local.get 1)))
  (func (export "i32x4.max_s") (param v128 v128) (result v128) (i32x4.max_s (local.get 0) (local.get 1)))
  (func (export "i32x4.max_u") (param v128 v128) (result v128) (i32x4.max_u (local.get 0) (local.get 1)))
  (func (export "i32x4.abs") (param v128) (result v128) (i32x4.abs (local.get 0)))
  (func (export "i32x4.neg") (param v128) (result v128) (i32x4.neg (local.get 0)))
  (func (export "i32x4.shl") (param v128 i32) (result v128) (i32x4.shl (local.get 0) (local.get 1)))
  (func (export "i32x4.shr_s") (param v128 i32) (result v128) (i32x4.shr_s (local.get 0) (local.get 1)))
  (func (export "i32x4.shr_u") (param v128 i32) (result v128) (i32x4.shr_u (local.get 0) (local.get 1)))
  (func (export "i32x4.all_true") (param v128) (result i32) (i32x4.all_true (local.get 0)))
  (func (export "i32x4.bitmask") (param v128) (result i32) (i32x4.bitmask (local.get 0)))
  (func (export "i64x2.add") (param v128 v128) (result v128) (i64x2.add (local.get 0) (local.get 1)))
  (func (export "i64x2.sub") (param v128 v128) (result v128) (i64x2.sub (local.get 0) (local.get 1)))
  (func (export "i64x2.mul") (param v128 v128) (result v128) (i64x2.mul (local.get 0) (local.get 1)))
  (func (export "i64x2.abs") (param v128) (result v128) (i64x2.abs (local.get 0)))
  (func (export "i64x2.neg") (param v128) (result v128) (i64x2.neg (local.get 0)))
  (func (export "i64x2.shl") (param v128 i32) (result v128) (i64x2.shl (local.get 0) (local.get 1)))
  (func (export "i64x2.shr_s") (param v128 i32) (result v128) (i64x2.shr_s (local.get 0) (local.get 1)))
  (func (export "i64x2.shr_u") (param v128 i32) (result v128) (i64x2.shr_u (local.get 0) (local.get 1)))
  (func (export "i64x2.all_true") (param v128) (result i32) (i64x2.all_true (local.get 0)))
  (func (export "i64x2.bitmask") (param v128) (result i32) (i64x2.bitmask (local.get 0)))
  (func (export "i16x8.extend_low_i8x16_s") (param v128) (result v128) (i16x8.extend_low_i8x16_s (local.get 0)))
  (func (export "i16x8.extmul_low_i8x16_s") (param v128 v128) (result v128) (i16x8.extmul_low_i8x16_s (local.get 0) (local.get 1)))
  (func (export "i16x8.extend_low_i8x16_u") (param v128) (result v128) (i16x8.extend_low_i8x16_u (local.get 0)))
  (func (export "i16x8.extmul_low_i8x16_u") (param v128 v128) (result v128) (i16x8.extmul_low_i8x16_u (local.get 0) (local.get 1)))
  (func (export "i16x8.extend_high_i8x16_s") (param v128) (result v128) (i16x8.extend_high_i8x16_s (local.get 0)))
  (func (export "i16x8.extmul_high_i8x16_s") (param v128 v128) (result v128) (i16x8.extmul_high_i8x16_s (local.get 0) (local.get 1)))
  (func (export "i16x8.extend_high_i8x16_u") (param v128) (result v128) (i16x8.extend_high_i8x16_u (local.get 0)))
  (func (export "i16x8.extmul_high_i8x16_u") (param v128 v128) (result v128) (i16x8.extmul_high_i8x16_u (local.get 0) (local.get 1)))
  (func (export "i16x8.extadd_pairwise_i8x16_s") (param v128) (result v128) (i16x8.extadd_pairwise_i8x16_s (local.get 0)))
  (func (export "i16x8.extadd_pairwise_i8x16_u") (param v128) (result v128) (i16x8.extadd_pairwise_i8x16_u (local.get 0)))
  (func (export "i8x16.narrow_i16x8_s") (param v128 v128) (result v128) (i8x16.narrow_i16x8_s (local.get 0) (local.get 1)))
  (func (export "i8x16.narrow_i16x8_u") (param v128 v128) (result v128) (i8x16.narrow_i16x8_u (local.get 0) (local.get 1)))
  (func (export "i32x4.extend_low_i16x8_s") (param v128) (result v128) (i32x4.extend_low_i16x8_s (local.get 0)))
  (func (export "i32x4.extmul_low_i16x8_s") (param v128 v128) (result v128) (i32x4.extmul_low_i16x8_s (local.get 0) (local.get 1)))
  (func (export "i32x4.extend_low_i16x8_u") (param v128) (result v128) (i32x4.extend_low_i16x8_u (local.get 0)))
  (func (export "i32x4.extmul_low_i16x8_u") (param v128 v128) (result v128) (i32x4.extmul_low_i16x8_u (local.get 0) (local.get 1)))
  (func (export "i32x4.extend_high_i16x8_s") (param v128) (result v128) (i32x4.extend_high_i16x8_s (local.get 0)))
  (func (export "i32x4.extmul_high_i16x8_s") (param v128 v128) (result v128) (i32x4.extmul_high_i16x8_s (local.get 0) (local.get 1)))
  (func (export "i32x4.extend_high_i16x8_u") (param v128) (result v128) (i32x4.extend_high_i16x8_u (local.get 0)))
  (func (export "i32x4.extmul_high_i16x8_u") (param v128 v128) (result v128) (i32x4.extmul_high_i16x8_u (local.get 0) (local.get 1)))
  (func (export "i32x4.extadd_pairwise_i16x8_s") (param v128) (result v128) (i32x4.extadd_pairwise_i16x8_s (local.get 0)))
  (func (export "i32x4.extadd_pairwise_i16x8_u") (param v128) (result v128) (i32x4.extadd_pairwise_i16x8_u (local.get 0)))
  (func (export "i16x8.narrow_i32x4_s") (param v128 v128) (result v128) (i16x8.narrow_i32x4_s (local.get 0) (local.get 1)))
  (func (export "i16x8.narrow_i32x4_u") (param v128 v128) (result v128) (i16x8.narrow_i32x4_u (local.get 0) (local.get 1)))
  (func (export "i64x2.extend_low_i32x4_s") (param v128) (result v128) (i64x2.extend_low_i32x4_s (local.get 0)))
  (func (export "i64x2.extmul_low_i32x4_s") (param v128 v128) (result v128) (i64x2.extmul_low_i32x4_s (local.get 0) (local.get 1)))
  (func (export "i64x2.extend_low_i32x4_u") (param v128) (result v128) (i64x2.extend_low_i32x4_u (local.get 0)))
  (func (export "i64x2.extmul_low_i32x4_u") (param v128 v128) (result v128) (i64x2.extmul_low_i32x4_u (local.get 0) (local.get 1)))
  (func (export "i64x2.extend_high_i32x4_s") (param v128) (result v128) (i64x2.extend_high_i32x4_s (local.get 0)))
  (func (export "i64x2.extmul_high_i32x4_s") (param v128 v128) (result v128) (i64x2.extmul_high_i32x4_s (local.get 0) (local.get 1)))
  (func (export "i64x2.extend_high_i32x4_u") (param v128) (result v128) (i64x2.extend_high_i32x4_u (local.get 0)))
  (func (export "i64x2.extmul_high_i32x4_u") (param v128 v128) (result v128) (i64x2.extmul_high_i32x4_u (local.get 0) (local.get 1)))
  (func (export "i32x4.dot_i16x8_s") (param v128 v128) (result v128) (i32x4.dot_i16x8_s (local.get 0) (local.get 1))))

(assert_return
  (invoke "i8x16.add"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i8x16 1 2 -2 -128 127 -56 56 -2 -102 0 -127 -128 -1 0 0 0))
(assert_return
  (invoke "i8x16.add"
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90)
    (v128.const i8x16 -90 90 -2 2 -64 64 -33 77 5 -100 100 -128 127 -1 1 0))
  (v128.const i8x16 -89 91 -3 3 -65 -92 123 70 82 -67 -91 64 124 1 -89 90))

(assert_return
  (invoke "i8x16.sub"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i8x16 -1 0 0 126 -127 0 0 12 0 -66 -1 0 5 -4 -76 76))
(assert_return
  (invoke "i8x16.sub"
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90)
    (v128.const i8x16 -90 90 -2 2 -64 64 -33 77 5 -100 100 -128 127 -1 1 0))
  (v128.const i8x16 91 -89 1 -1 63 36 -67 -84 72 -123 -35 64 126 3 -91 90))

(assert_return
  (invoke "i8x16.add_sat_s"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i8x16 1 2 -2 127 -128 127 -128 -2 127 0 127 -128 -1 0 0 0))
(assert_return
  (invoke "i8x16.add_sat_s"
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90)
    (v128.const i8x16 -90 90 -2 2 -64 64 -33 77 5 -100 100 -128 127 -1 1 0))
  (v128.const i8x16 -89 91 -3 3 -65 127 -128 70 82 -67 127 -128 124 1 -89 90))

(assert_return
  (invoke "i8x16.add_sat_u"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i8x16 1 2 -1 -128 -1 -56 -1 -2 -102 -1 -127 -1 -1 -1 -1 -1))
(assert_return
  (invoke "i8x16.add_sat_u"
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90)
    (v128.const i8x16 -90 90 -2 2 -64 64 -33 77 5 -100 100 -128 127 -1 1 0))
  (v128.const i8x16 -89 91 -1 3 -1 -92 -1 -1 82 -67 -91 -1 -1 -1 -89 90))

(assert_return
  (invoke "i8x16.sub_sat_s"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i8x16 -1 0 0 126 -127 0 0 12 0 -66 -1 0 5 -4 127 -128))
(assert_return
  (invoke "i8x16.sub_sat_s"
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90)
    (v128.const i8x16 -90 90 -2 2 -64 64 -33 77 5 -100 100 -128 127 -1 1 0))
  (v128.const i8x16 91 -89 1 -1 63 36 -67 -84 72 127 -35 64 -128 3 -91 90))

(assert_return
  (invoke "i8x16.sub_sat_u"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i8x16 0 0 0 126 0 0 0 0 0 -66 0 0 0 -4 0 76))
(assert_return
  (invoke "i8x16.sub_sat_u"
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90)
    (v128.const i8x16 -90 90 -2 2 -64 64 -33 77 5 -100 100 -128 127 -1 1 0))
  (v128.const i8x16 0 0 1 0 63 36 0 -84 72 0 0 64 126 0 -91 90))

(assert_return
  (invoke "i8x16.avgr_u"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i8x16 1 1 -1 64 -64 100 -100 127 77 -128 65 -64 -128 -128 -128 -128))
(assert_return
  (invoke "i8x16.avgr_u"
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90)
    (v128.const i8x16 -90 90 -2 2 -64 64 -33 77 5 -100 100 -128 127 -1 1 0))
  (v128.const i8x16 84 46 -1 2 -32 82 -66 -93 41 95 83 -96 -66 -127 84 45))

(assert_return
  (invoke "i8x16.min_s"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i8x16 0 1 -1 1 -128 100 -100 -7 77 -33 64 -64 -3 -2 -90 -90))
(assert_return
  (invoke "i8x16.min_s"
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90)
    (v128.const i8x16 -90 90 -2 2 -64 64 -33 77 5 -100 100 -128 127 -1 1 0))
  (v128.const i8x16 -90 1 -2 1 -64 64 -100 -7 5 -100 65 -128 -3 -1 -90 0))

(assert_return
  (invoke "i8x16.min_u"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i8x16 0 1 -1 1 -128 100 -100 5 77 33 64 -64 2 2 90 90))
(assert_return
  (invoke "i8x16.min_u"
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90)
    (v128.const i8x16 -90 90 -2 2 -64 64 -33 77 5 -100 100 -128 127 -1 1 0))
  (v128.const i8x16 1 1 -2 1 -64 64 -100 77 5 33 65 -128 127 2 1 0))

(assert_return
  (invoke "i8x16.max_s"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i8x16 1 1 -1 127 -1 100 -100 5 77 33 65 -64 2 2 90 90))
(assert_return
  (invoke "i8x16.max_s"
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90)
    (v128.const i8x16 -90 90 -2 2 -64 64 -33 77 5 -100 100 -128 127 -1 1 0))
  (v128.const i8x16 1 90 -1 2 -1 100 -33 77 77 33 100 -64 127 2 1 90))

(assert_return
  (invoke "i8x16.max_u"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i8x16 1 1 -1 127 -1 100 -100 -7 77 -33 65 -64 -3 -2 -90 -90))
(assert_return
  (invoke "i8x16.max_u"
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90)
    (v128.const i8x16 -90 90 -2 2 -64 64 -33 77 5 -100 100 -128 127 -1 1 0))
  (v128.const i8x16 -90 90 -1 2 -1 100 -33 -7 77 -100 100 -64 -3 -1 -90 90))

(assert_return
  (invoke "i8x16.abs"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90))
  (v128.const i8x16 0 1 1 127 -128 100 100 5 77 33 64 64 2 2 90 90))

(assert_return
  (invoke "i8x16.neg"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90))
  (v128.const i8x16 0 -1 1 -127 -128 -100 100 -5 -77 33 -64 64 -2 2 -90 90))

(assert_return
  (invoke "i8x16.popcnt"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90))
  (v128.const i8x16 0 1 8 7 1 3 4 2 4 7 1 2 1 7 4 4))

(assert_return
  (invoke "i8x16.shl"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (i32.const 3))
  (v128.const i8x16 0 8 -8 -8 0 32 -32 40 104 -8 0 0 16 -16 -48 48))
(assert_return
  (invoke "i8x16.shl"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (i32.const 9))
  (v128.const i8x16 0 2 -2 -2 0 -56 56 10 -102 -66 -128 -128 4 -4 -76 76))
(assert_return
  (invoke "i8x16.shl"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (i32.const -1))
  (v128.const i8x16 0 -128 -128 -128 0 0 0 -128 -128 -128 0 0 0 0 0 0))

(assert_return
  (invoke "i8x16.shr_s"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (i32.const 3))
  (v128.const i8x16 0 0 -1 15 -16 12 -13 0 9 -5 8 -8 0 -1 11 -12))
(assert_return
  (invoke "i8x16.shr_s"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (i32.const 9))
  (v128.const i8x16 0 0 -1 63 -64 50 -50 2 38 -17 32 -32 1 -1 45 -45))
(assert_return
  (invoke "i8x16.shr_s"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (i32.const -1))
  (v128.const i8x16 0 0 -1 0 -1 0 -1 0 0 -1 0 -1 0 -1 0 -1))

(assert_return
  (invoke "i8x16.shr_u"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (i32.const 3))
  (v128.const i8x16 0 0 31 15 16 12 19 0 9 27 8 24 0 31 11 20))
(assert_return
  (invoke "i8x16.shr_u"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (i32.const 9))
  (v128.const i8x16 0 0 127 63 64 50 78 2 38 111 32 96 1 127 45 83))
(assert_return
  (invoke "i8x16.shr_u"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (i32.const -1))
  (v128.const i8x16 0 0 1 0 1 0 1 0 0 1 0 1 0 1 0 1))

(assert_return (invoke "i8x16.all_true" (v128.const i8x16 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1)) (i32.const 1))
(assert_return (invoke "i8x16.all_true" (v128.const i8x16 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 0)) (i32.const 0))
(assert_return
  (invoke "i8x16.all_true"
    (v128.const i8x16 -128 -128 -128 -128 -128 -128 -128 -128 -128 -128 -128 -128 -128 -128 -128 -128))
  (i32.const 1))

(assert_return
  (invoke "i8x16.bitmask"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90))
  (i32.const 43604))
(assert_return
  (invoke "i8x16.bitmask"
    (v128.const i8x16 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1))
  (i32.const 65535))

(assert_return
  (invoke "i16x8.add"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256))
  (v128.const i16x8 5 0 -32768 32767 0 0 0 -512))
(assert_return
  (invoke "i16x8.add"
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256)
    (v128.const i16x8 -256 255 -4321 1234 -32768 32767 -1 0))
  (v128.const i16x8 -251 256 -4320 1233 31534 -28448 -256 -256))

(assert_return
  (invoke "i16x8.sub"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256))
  (v128.const i16x8 -5 -2 32766 -32767 2468 -8642 510 0))
(assert_return
  (invoke "i16x8.sub"
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256)
    (v128.const i16x8 -256 255 -4321 1234 -32768 32767 -1 0))
  (v128.const i16x8 261 -254 4322 -1235 31534 -28446 -254 -256))

(assert_return
  (invoke "i16x8.mul"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256))
  (v128.const i16x8 0 -1 32767 -32768 -15428 6719 511 0))
(assert_return
  (invoke "i16x8.mul"
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256)
    (v128.const i16x8 -256 255 -4321 1234 -32768 32767 -1 0))
  (v128.const i16x8 -1280 255 -4321 -1234 0 28447 255 0))

(assert_return
  (invoke "i16x8.add_sat_s"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256))
  (v128.const i16x8 5 0 32767 -32768 0 0 0 -512))
(assert_return
  (invoke "i16x8.add_sat_s"
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256)
    (v128.const i16x8 -256 255 -4321 1234 -32768 32767 -1 0))
  (v128.const i16x8 -251 256 -4320 1233 -32768 32767 -256 -256))

(assert_return
  (invoke "i16x8.add_sat_u"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256))
  (v128.const i16x8 5 -1 -32768 -1 -1 -1 -1 -1))
(assert_return
  (invoke "i16x8.add_sat_u"
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256)
    (v128.const i16x8 -256 255 -4321 1234 -32768 32767 -1 0))
  (v128.const i16x8 -251 256 -4320 -1 -1 -28448 -1 -256))

(assert_return
  (invoke "i16x8.sub_sat_s"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256))
  (v128.const i16x8 -5 -2 32766 -32767 2468 -8642 510 0))
(assert_return
  (invoke "i16x8.sub_sat_s"
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256)
    (v128.const i16x8 -256 255 -4321 1234 -32768 32767 -1 0))
  (v128.const i16x8 261 -254 4322 -1235 31534 -28446 -254 -256))

(assert_return
  (invoke "i16x8.sub_sat_u"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256))
  (v128.const i16x8 0 -2 32766 0 0 -8642 0 0))
(assert_return
  (invoke "i16x8.sub_sat_u"
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256)
    (v128.const i16x8 -256 255 -4321 1234 -32768 32767 -1 0))
  (v128.const i16x8 0 0 0 -1235 31534 0 0 -256))

(assert_return
  (invoke "i16x8.avgr_u"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256))
  (v128.const i16x8 3 -32768 16384 -16384 -32768 -32768 -32768 -256))
(assert_return
  (invoke "i16x8.avgr_u"
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256)
    (v128.const i16x8 -256 255 -4321 1234 -32768 32767 -1 0))
  (v128.const i16x8 32643 128 30608 -32151 -17001 18544 -128 32640))

(assert_return
  (invoke "i16x8.min_s"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256))
  (v128.const i16x8 0 -1 1 -32768 -1234 -4321 -255 -256))
(assert_return
  (invoke "i16x8.min_s"
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256)
    (v128.const i16x8 -256 255 -4321 1234 -32768 32767 -1 0))
  (v128.const i16x8 -256 1 -4321 -1 -32768 4321 -255 -256))

(assert_return
  (invoke "i16x8.min_u"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256))
  (v128.const i16x8 0 1 1 -32768 1234 4321 255 -256))
(assert_return
  (invoke "i16x8.min_u"
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256)
    (v128.const i16x8 -256 255 -4321 1234 -32768 32767 -1 0))
  (v128.const i16x8 5 1 1 1234 -32768 4321 -255 0))

(assert_return
  (invoke "i16x8.max_s"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256))
  (v128.const i16x8 5 1 32767 -1 1234 4321 255 -256))
(assert_return
  (invoke "i16x8.max_s"
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256)
    (v128.const i16x8 -256 255 -4321 1234 -32768 32767 -1 0))
  (v128.const i16x8 5 255 1 1234 -1234 32767 -1 0))

(assert_return
  (invoke "i16x8.max_u"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256))
  (v128.const i16x8 5 -1 32767 -1 -1234 -4321 -255 -256))
(assert_return
  (invoke "i16x8.max_u"
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256)
    (v128.const i16x8 -256 255 -4321 1234 -32768 32767 -1 0))
  (v128.const i16x8 -256 255 -4321 -1 -1234 32767 -1 -256))

(assert_return
  (invoke "i16x8.q15mulr_sat_s"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256))
  (v128.const i16x8 0 0 1 1 -46 -570 -2 2))
(assert_return
  (invoke "i16x8.q15mulr_sat_s"
    (v128.const i16x8 -32768 -32768 -32768 -32768 -32768 -32768 -32768 -32768)
    (v128.const i16x8 -32768 32767 -1 1 0 16384 3 -3))
  (v128.const i16x8 32767 -32767 1 -1 0 -16384 -3 3))

(assert_return
  (invoke "i16x8.abs"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256))
  (v128.const i16x8 0 1 32767 -32768 1234 4321 255 256))

(assert_return
  (invoke "i16x8.neg"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256))
  (v128.const i16x8 0 1 -32767 -32768 -1234 4321 -255 256))

(assert_return
  (invoke "i16x8.shl"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (i32.const 3))
  (v128.const i16x8 0 -8 -8 0 9872 30968 2040 -2048))
(assert_return
  (invoke "i16x8.shl"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (i32.const 17))
  (v128.const i16x8 0 -2 -2 0 2468 -8642 510 -512))
(assert_return
  (invoke "i16x8.shl"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (i32.const -1))
  (v128.const i16x8 0 -32768 -32768 0 0 -32768 -32768 0))

(assert_return
  (invoke "i16x8.shr_s"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (i32.const 3))
  (v128.const i16x8 0 -1 4095 -4096 154 -541 31 -32))
(assert_return
  (invoke "i16x8.shr_s"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (i32.const 17))
  (v128.const i16x8 0 -1 16383 -16384 617 -2161 127 -128))
(assert_return
  (invoke "i16x8.shr_s"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (i32.const -1))
  (v128.const i16x8 0 -1 0 -1 0 -1 0 -1))

(assert_return
  (invoke "i16x8.shr_u"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (i32.const 3))
  (v128.const i16x8 0 8191 4095 4096 154 7651 31 8160))
(assert_return
  (invoke "i16x8.shr_u"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (i32.const 17))
  (v128.const i16x8 0 32767 16383 16384 617 30607 127 32640))
(assert_return
  (invoke "i16x8.shr_u"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (i32.const -1))
  (v128.const i16x8 0 1 0 1 0 1 0 1))

(assert_return (invoke "i16x8.all_true" (v128.const i16x8 1 1 1 1 1 1 1 1)) (i32.const 1))
(assert_return (invoke "i16x8.all_true" (v128.const i16x8 1 1 1 1 1 1 1 0)) (i32.const 0))
(assert_return
  (invoke "i16x8.all_true"
    (v128.const i16x8 -32768 -32768 -32768 -32768 -32768 -32768 -32768 -32768))
  (i32.const 1))

(assert_return (invoke "i16x8.bitmask" (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)) (i32.const 170))
(assert_return (invoke "i16x8.bitmask" (v128.const i16x8 -1 -1 -1 -1 -1 -1 -1 -1)) (i32.const 255))

(assert_return
  (invoke "i32x4.add"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (v128.const i32x4 1 -1 3 -0x12d687))
  (v128.const i32x4 -0x80000000 0x7fffffff -4 0))
(assert_return
  (invoke "i32x4.add"
    (v128.const i32x4 1 -1 3 -0x12d687)
    (v128.const i32x4 0x12d687 -7 -0x80000000 0x7fffffff))
  (v128.const i32x4 0x12d688 -8 -0x7ffffffd 0x7fed2978))

(assert_return
  (invoke "i32x4.sub"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (v128.const i32x4 1 -1 3 -0x12d687))
  (v128.const i32x4 0x7ffffffe -0x7fffffff -10 0x25ad0e))
(assert_return
  (invoke "i32x4.sub"
    (v128.const i32x4 1 -1 3 -0x12d687)
    (v128.const i32x4 0x12d687 -7 -0x80000000 0x7fffffff))
  (v128.const i32x4 -0x12d686 6 -0x7ffffffd 0x7fed297a))

(assert_return
  (invoke "i32x4.mul"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (v128.const i32x4 1 -1 3 -0x12d687))
  (v128.const i32x4 0x7fffffff -0x80000000 -21 0x213e04cf))
(assert_return
  (invoke "i32x4.mul"
    (v128.const i32x4 1 -1 3 -0x12d687)
    (v128.const i32x4 0x12d687 -7 -0x80000000 0x7fffffff))
  (v128.const i32x4 0x12d687 7 -0x80000000 -0x7fed2979))

(assert_return
  (invoke "i32x4.min_s"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (v128.const i32x4 1 -1 3 -0x12d687))
  (v128.const i32x4 1 -0x80000000 -7 -0x12d687))
(assert_return
  (invoke "i32x4.min_s"
    (v128.const i32x4 1 -1 3 -0x12d687)
    (v128.const i32x4 0x12d687 -7 -0x80000000 0x7fffffff))
  (v128.const i32x4 1 -7 -0x80000000 -0x12d687))

(assert_return
  (invoke "i32x4.min_u"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (v128.const i32x4 1 -1 3 -0x12d687))
  (v128.const i32x4 1 -0x80000000 3 0x12d687))
(assert_return
  (invoke "i32x4.min_u"
    (v128.const i32x4 1 -1 3 -0x12d687)
    (v128.const i32x4 0x12d687 -7 -0x80000000 0x7fffffff))
  (v128.const i32x4 1 -7 3 0x7fffffff))

(assert_return
  (invoke "i32x4.max_s"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (v128.const i32x4 1 -1 3 -0x12d687))
  (v128.const i32x4 0x7fffffff -1 3 0x12d687))
(assert_return
  (invoke "i32x4.max_s"
    (v128.const i32x4 1 -1 3 -0x12d687)
    (v128.const i32x4 0x12d687 -7 -0x80000000 0x7fffffff))
  (v128.const i32x4 0x12d687 -1 3 0x7fffffff))

(assert_return
  (invoke "i32x4.max_u"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (v128.const i32x4 1 -1 3 -0x12d687))
  (v128.const i32x4 0x7fffffff -1 -7 -0x12d687))
(assert_return
  (invoke "i32x4.max_u"
    (v128.const i32x4 1 -1 3 -0x12d687)
    (v128.const i32x4 0x12d687 -7 -0x80000000 0x7fffffff))
  (v128.const i32x4 0x12d687 -1 -0x80000000 -0x12d687))

(assert_return
  (invoke "i32x4.abs"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687))
  (v128.const i32x4 0x7fffffff -0x80000000 7 0x12d687))

(assert_return
  (invoke "i32x4.neg"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687))
  (v128.const i32x4 -0x7fffffff -0x80000000 7 -0x12d687))

(assert_return
  (invoke "i32x4.shl"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (i32.const 3))
  (v128.const i32x4 -8 0 -56 0x96b438))
(assert_return
  (invoke "i32x4.shl"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (i32.const 33))
  (v128.const i32x4 -2 0 -14 0x25ad0e))
(assert_return
  (invoke "i32x4.shl"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (i32.const -1))
  (v128.const i32x4 -0x80000000 0 -0x80000000 -0x80000000))

(assert_return
  (invoke "i32x4.shr_s"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (i32.const 3))
  (v128.const i32x4 0xfffffff -0x10000000 -1 0x25ad0))
(assert_return
  (invoke "i32x4.shr_s"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (i32.const 33))
  (v128.const i32x4 0x3fffffff -0x40000000 -4 0x96b43))
(assert_return
  (invoke "i32x4.shr_s"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (i32.const -1))
  (v128.const i32x4 0 -1 -1 0))

(assert_return
  (invoke "i32x4.shr_u"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (i32.const 3))
  (v128.const i32x4 0xfffffff 0x10000000 0x1fffffff 0x25ad0))
(assert_return
  (invoke "i32x4.shr_u"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (i32.const 33))
  (v128.const i32x4 0x3fffffff 0x40000000 0x7ffffffc 0x96b43))
(assert_return
  (invoke "i32x4.shr_u"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (i32.const -1))
  (v128.const i32x4 0 1 1 0))

(assert_return (invoke "i32x4.all_true" (v128.const i32x4 1 1 1 1)) (i32.const 1))
(assert_return (invoke "i32x4.all_true" (v128.const i32x4 1 1 1 0)) (i32.const 0))
(assert_return
  (invoke "i32x4.all_true"
    (v128.const i32x4 -0x80000000 -0x80000000 -0x80000000 -0x80000000))
  (i32.const 1))

(assert_return (invoke "i32x4.bitmask" (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)) (i32.const 6))
(assert_return (invoke "i32x4.bitmask" (v128.const i32x4 -1 -1 -1 -1)) (i32.const 15))

(assert_return
  (invoke "i64x2.add"
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef)
    (v128.const i64x2 -1 0xfedcba987654321))
  (v128.const i64x2 0x7fffffffffffffff 0x1111111111111110))
(assert_return
  (invoke "i64x2.add"
    (v128.const i64x2 -1 0xfedcba987654321)
    (v128.const i64x2 0x123456789abcdef -0x8000000000000000))
  (v128.const i64x2 0x123456789abcdee -0x70123456789abcdf))

(assert_return
  (invoke "i64x2.sub"
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef)
    (v128.const i64x2 -1 0xfedcba987654321))
  (v128.const i64x2 -0x7fffffffffffffff -0xeca8641fdb97532))
(assert_return
  (invoke "i64x2.sub"
    (v128.const i64x2 -1 0xfedcba987654321)
    (v128.const i64x2 0x123456789abcdef -0x8000000000000000))
  (v128.const i64x2 -0x123456789abcdf0 -0x70123456789abcdf))

(assert_return
  (invoke "i64x2.mul"
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef)
    (v128.const i64x2 -1 0xfedcba987654321))
  (v128.const i64x2 -0x8000000000000000 0x22236d88fe5618cf))
(assert_return
  (invoke "i64x2.mul"
    (v128.const i64x2 -1 0xfedcba987654321)
    (v128.const i64x2 0x123456789abcdef -0x8000000000000000))
  (v128.const i64x2 -0x123456789abcdef -0x8000000000000000))

(assert_return
  (invoke "i64x2.abs"
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef))
  (v128.const i64x2 -0x8000000000000000 0x123456789abcdef))

(assert_return
  (invoke "i64x2.neg"
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef))
  (v128.const i64x2 -0x8000000000000000 -0x123456789abcdef))

(assert_return
  (invoke "i64x2.shl"
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef)
    (i32.const 3))
  (v128.const i64x2 0 0x91a2b3c4d5e6f78))
(assert_return
  (invoke "i64x2.shl"
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef)
    (i32.const 65))
  (v128.const i64x2 0 0x2468acf13579bde))
(assert_return
  (invoke "i64x2.shl"
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef)
    (i32.const -1))
  (v128.const i64x2 0 -0x8000000000000000))

(assert_return
  (invoke "i64x2.shr_s"
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef)
    (i32.const 3))
  (v128.const i64x2 -0x1000000000000000 0x2468acf13579bd))
(assert_return
  (invoke "i64x2.shr_s"
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef)
    (i32.const 65))
  (v128.const i64x2 -0x4000000000000000 0x91a2b3c4d5e6f7))
(assert_return
  (invoke "i64x2.shr_s"
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef)
    (i32.const -1))
  (v128.const i64x2 -1 0))

(assert_return
  (invoke "i64x2.shr_u"
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef)
    (i32.const 3))
  (v128.const i64x2 0x1000000000000000 0x2468acf13579bd))
(assert_return
  (invoke "i64x2.shr_u"
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef)
    (i32.const 65))
  (v128.const i64x2 0x4000000000000000 0x91a2b3c4d5e6f7))
(assert_return
  (invoke "i64x2.shr_u"
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef)
    (i32.const -1))
  (v128.const i64x2 1 0))

(assert_return (invoke "i64x2.all_true" (v128.const i64x2 1 1)) (i32.const 1))
(assert_return (invoke "i64x2.all_true" (v128.const i64x2 1 0)) (i32.const 0))
(assert_return (invoke "i64x2.all_true" (v128.const i64x2 -0x8000000000000000 -0x8000000000000000)) (i32.const 1))

(assert_return (invoke "i64x2.bitmask" (v128.const i64x2 -0x8000000000000000 0x123456789abcdef)) (i32.const 1))
(assert_return (invoke "i64x2.bitmask" (v128.const i64x2 -1 -1)) (i32.const 3))

(assert_return
  (invoke "i16x8.extend_low_i8x16_s"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90))
  (v128.const i16x8 0 1 -1 127 -128 100 -100 5))

(assert_return
  (invoke "i16x8.extmul_low_i8x16_s"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i16x8 0 1 1 127 128 10000 10000 -35))

(assert_return
  (invoke "i16x8.extend_low_i8x16_u"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90))
  (v128.const i16x8 0 1 255 127 128 100 156 5))

(assert_return
  (invoke "i16x8.extmul_low_i8x16_u"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i16x8 0 1 -511 127 32640 10000 24336 1245))

(assert_return
  (invoke "i16x8.extend_high_i8x16_s"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90))
  (v128.const i16x8 77 -33 64 -64 2 -2 90 -90))

(assert_return
  (invoke "i16x8.extmul_high_i8x16_s"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i16x8 5929 -1089 4160 4096 -6 -4 -8100 -8100))

(assert_return
  (invoke "i16x8.extend_high_i8x16_u"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90))
  (v128.const i16x8 77 223 64 192 2 254 90 166))

(assert_return
  (invoke "i16x8.extmul_high_i8x16_u"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 1 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i16x8 5929 7359 4160 -28672 506 508 14940 14940))

(assert_return
  (invoke "i16x8.extadd_pairwise_i8x16_s"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90))
  (v128.const i16x8 1 126 -28 -95 44 0 0 0))

(assert_return
  (invoke "i16x8.extadd_pairwise_i8x16_u"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90))
  (v128.const i16x8 1 382 228 161 300 256 256 256))

(assert_return
  (invoke "i8x16.narrow_i16x8_s"
    (v128.const i16x8 300 -300 127 128 -128 -129 255 256)
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256))
  (v128.const i8x16 127 -128 127 127 -128 -128 127 127 5 1 1 -1 -128 127 -128 -128))

(assert_return
  (invoke "i8x16.narrow_i16x8_u"
    (v128.const i16x8 300 -300 127 128 -128 -129 255 256)
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256))
  (v128.const i8x16 -1 0 127 -128 0 0 -1 -1 5 1 1 0 0 -1 0 0))

(assert_return
  (invoke "i32x4.extend_low_i16x8_s"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256))
  (v128.const i32x4 0 -1 32767 -32768))

(assert_return
  (invoke "i32x4.extmul_low_i16x8_s"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256))
  (v128.const i32x4 0 -1 32767 32768))

(assert_return
  (invoke "i32x4.extend_low_i16x8_u"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256))
  (v128.const i32x4 0 65535 32767 32768))

(assert_return
  (invoke "i32x4.extmul_low_i16x8_u"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256))
  (v128.const i32x4 0 65535 32767 0x7fff8000))

(assert_return
  (invoke "i32x4.extend_high_i16x8_s"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256))
  (v128.const i32x4 1234 -4321 255 -256))

(assert_return
  (invoke "i32x4.extmul_high_i16x8_s"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256))
  (v128.const i32x4 -0x173c44 -0x11ce5c1 -65025 65536))

(assert_return
  (invoke "i32x4.extend_high_i16x8_u"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256))
  (v128.const i32x4 1234 61215 255 65280))

(assert_return
  (invoke "i32x4.extmul_high_i16x8_u"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256))
  (v128.const i32x4 0x4bac3bc 0xfc41a3f 0xfe01ff -0x1ff0000))

(assert_return
  (invoke "i32x4.extadd_pairwise_i16x8_s"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256))
  (v128.const i32x4 -1 -1 -3087 -1))

(assert_return
  (invoke "i32x4.extadd_pairwise_i16x8_u"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256))
  (v128.const i32x4 65535 65535 62449 65535))

(assert_return
  (invoke "i16x8.narrow_i32x4_s"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (v128.const i32x4 1 -1 3 -0x12d687))
  (v128.const i16x8 32767 -32768 -7 32767 1 -1 3 -32768))

(assert_return
  (invoke "i16x8.narrow_i32x4_u"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (v128.const i32x4 1 -1 3 -0x12d687))
  (v128.const i16x8 -1 0 0 -1 1 0 3 0))

(assert_return
  (invoke "i64x2.extend_low_i32x4_s"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687))
  (v128.const i64x2 0x7fffffff -0x80000000))

(assert_return
  (invoke "i64x2.extmul_low_i32x4_s"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (v128.const i32x4 1 -1 3 -0x12d687))
  (v128.const i64x2 0x7fffffff 0x80000000))

(assert_return
  (invoke "i64x2.extend_low_i32x4_u"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687))
  (v128.const i64x2 0x7fffffff 0x80000000))

(assert_return
  (invoke "i64x2.extmul_low_i32x4_u"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (v128.const i32x4 1 -1 3 -0x12d687))
  (v128.const i64x2 0x7fffffff 0x7fffffff80000000))

(assert_return
  (invoke "i64x2.extend_high_i32x4_s"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687))
  (v128.const i64x2 -7 0x12d687))

(assert_return
  (invoke "i64x2.extmul_high_i32x4_s"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (v128.const i32x4 1 -1 3 -0x12d687))
  (v128.const i64x2 -21 -0x162dec1fb31))

(assert_return
  (invoke "i64x2.extend_high_i32x4_u"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687))
  (v128.const i64x2 0xfffffff9 0x12d687))

(assert_return
  (invoke "i64x2.extmul_high_i32x4_u"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (v128.const i32x4 1 -1 3 -0x12d687))
  (v128.const i64x2 0x2ffffffeb 0x12d524213e04cf))

(assert_return
  (invoke "i32x4.dot_i16x8_s"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 5 1 1 -1 -1234 4321 -255 -256))
  (v128.const i32x4 -1 65535 -0x1342205 511))
(assert_return
  (invoke "i32x4.dot_i16x8_s"
    (v128.const i16x8 -32768 -32768 -32768 -32768 -32768 -32768 -32768 -32768)
    (v128.const i16x8 -32768 -32768 -32768 -32768 -32768 -32768 -32768 -32768))
  (v128.const i32x4 -0x80000000 -0x80000000 -0x80000000 -0x80000000))
