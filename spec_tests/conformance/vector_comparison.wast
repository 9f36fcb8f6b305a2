;; Chapter 4.3.6, comparisons of vectors lane by lane, which give all ones or zero.

(module
  (func (export "i8x16.eq") (param v128 v128) (result v128) (i8x16.eq (local.get 0) (local.get 1)))
  (func (export "i8x16.ne") (param v128 v128) (result v128) (i8x16.ne (local.get 0) (local.get 1)))
  (func (export "i8x16.lt_s") (param v128 v128) (result v128) (i8x16.lt_s (local.get 0) (local.get 1)))
  (func (export "i8x16.lt_u") (param v128 v128) (result v128) (i8x16.lt_u (local.get 0) (local.get 1)))
  (func (export "i8x16.gt_s") (param v128 v128) (result v128) (i8x16.gt_s (local.get 0) (local.get 1)))
  (func (export "i8x16.gt_u") (param v128 v128) (result v128) (i8x16.gt_u (local.get 0) (local.get 1)))
  (func (export "i8x16.le_s") (param v128 v128) (result v128) (i8x16.le_s (local.get 0) (local.get 1)))
  (func (export "i8x16.le_u") (param v128 v128) (result v128) (i8x16.le_u (local.get 0) (local.get 1)))
  (func (export "i8x16.ge_s") (param v128 v128) (result v128) (i8x16.ge_s (local.get 0) (local.get 1)))
  (func (export "i8x16.ge_u") (param v128 v128) (result v128) (i8x16.ge_u (local.get 0) (local.get 1)))
  (func (export "i16x8.eq") (param v128 v128) (result v128) (i16x8.eq (local.get 0) (local.get 1)))
  (func (export "i16x8.ne") (param v128 v128) (result v128) (i16x8.ne (local.get 0) (local.get 1)))
  (func (export "i16x8.lt_s") (param v128 v128) (result v128) (i16x8.lt_s (local.get 0) (local.get 1)))
  (func (export "i16x8.lt_u") (param v128 v128) (result v128) (i16x8.lt_u (local.get 0) (local.get 1)))
  (func (export "i16x8.gt_s") (param v128 v128) (result v128) (i16x8.gt_s (local.get 0) (local.get 1)))
  (func (export "i16x8.gt_u") (param v128 v128) (result v128) (i16x8.gt_u (local.get 0) (local.get 1)))
  (func (export "i16x8.le_s") (param v128 v128) (result v128) (i16x8.le_s (local.get 0) (local.get 1)))
  (func (export "i16x8.le_u") (param v128 v128) (result v128) (i16x8.le_u (local.get 0) (local.get 1)))
  (func (export "i16x8.ge_s") (param v128 v128) (result v128) (i16x8.ge_s (local.get 0) (local.get 1)))
  (func (export "i16x8.ge_u") (param v128 v128) (result v128) (i16x8.ge_u (local.get 0) (local.get 1)))
  (func (export "i32x4.eq") (param v128 v128) (result v128) (i32x4.eq (local.get 0) (local.get 1)))
  (func (export "i32x4.ne") (param v128 v128) (result v128) (i32x4.ne (local.get 0) (local.get 1)))
  (func (export "i32x4.lt_s") (param v128 v128) (result v128) (i32x4.lt_s (local.get 0) (local.get 1)))
  (func (export "i32x4.lt_u") (param v128 v128) (result v128) (i32x4.lt_u (local.get 0) (local.get 1)))
  (func (export "i32x4.gt_s") (param v128 v128) (result v128) (i32x4.gt_s (local.get 0) (local.get 1)))
  (func (export "i32x4.gt_u") (param v128 v128) (result v128) (i32x4.gt_u (local.get 0) (local.get 1)))
  (func (export "i32x4.le_s") (param v128 v128) (result v128) (i32x4.le_s (local.get 0) (local.get 1)))
  (func (export "i32x4.le_u") (param v128 v128) (result v128) (i32x4.le_u (local.get 0) (local.get 1)))
  (func (export "i32x4.ge_s") (param v128 v128) (result v128) (i32x4.ge_s (local.get 0) (local.get 1)))
  (func (export "i32x4.ge_u") (param v128 v128) (result v128) (i32x4.ge_u (local.get 0) (local.get 1)))
  (func (export "i64x2.eq") (param v128 v128) (result v128) (i64x2.eq (local.get 0) (local.get 1)))
  (func (export "i64x2.ne") (param v128 v128) (result v128) (i64x2.ne (local.get 0) (local.get 1)))
  (func (export "i64x2.lt_s") (param v128 v128) (result v128) (i64x2.lt_s (local.get 0) (local.get 1)))
  (func (export "i64x2.gt_s") (param v128 v128) (result v128) (i64x2.gt_s (local.get 0) (local.get 1)))
  (func (export "i64x2.le_s") (param v128 v128) (result v128) (i64x2.le_s (local.get 0) (local.get 1)))
  (func (export "i64x2.ge_s") (param v128 v128) (result v128) (i64x2.ge_s (local.get 0) (local.get 1)))
  (func (export "f32x4.eq") (param v128 v128) (result v128) (f32x4.eq (local.get 0) (local.get 1)))
  (func (export "f32x4.ne") (param v128 v128) (result v128) (f32x4.ne (local.get 0) (local.get 1)))
  (func (export "f32x4.lt") (param v128 v128) (result v128) (f32x4.lt (local.get 0) (local.get 1)))
  (func (export "f32x4.gt") (param v128 v128) (result v128) (f32x4.gt (local.get 0) (local.get 1)))
  (func (export "f32x4.le") (param v128 v128) (result v128) (f32x4.le (local.get 0) (local.get 1)))
  (func (export "f32x4.ge") (param v128 v128) (result v128) (f32x4.ge (local.get 0) (local.get 1)))
  (func (export "f64x2.eq") (param v128 v128) (result v128) (f64x2.eq (local.get 0) (local.get 1)))
  (func (export "f64x2.ne") (param v128 v128) (result v128) (f64x2.ne (local.get 0) (local.get 1)))
  (func (export "f64x2.lt") (param v128 v128) (result v128) (f64x2.lt (local.get 0) (local.get 1)))
  (func (export "f64x2.gt") (param v128 v128) (result v128) (f64x2.gt (local.get 0) (local.get 1)))
  (func (export "f64x2.le") (param v128 v128) (result v128) (f64x2.le (local.get 0) (local.get 1)))
  (func (export "f64x2.ge") (param v128 v128) (result v128) (f64x2.ge (local.get 0) (local.get 1))))

(assert_return
  (invoke "i8x16.eq"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 0 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i8x16 -1 -1 -1 0 0 -1 -1 0 -1 0 0 -1 0 0 0 0))
(assert_return
  (invoke "i8x16.eq"
    (v128.const i8x16 0 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90)
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90))
  (v128.const i8x16 -1 -1 -1 0 0 -1 -1 0 -1 0 0 -1 0 0 0 0))

(assert_return
  (invoke "i8x16.ne"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 0 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i8x16 0 0 0 -1 -1 0 0 -1 0 -1 -1 0 -1 -1 -1 -1))
(assert_return
  (invoke "i8x16.ne"
    (v128.const i8x16 0 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90)
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90))
  (v128.const i8x16 0 0 0 -1 -1 0 0 -1 0 -1 -1 0 -1 -1 -1 -1))

(assert_return
  (invoke "i8x16.lt_s"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 0 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i8x16 0 0 0 0 -1 0 0 0 0 -1 -1 0 0 -1 0 -1))
(assert_return
  (invoke "i8x16.lt_s"
    (v128.const i8x16 0 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90)
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90))
  (v128.const i8x16 0 0 0 -1 0 0 0 -1 0 0 0 0 -1 0 -1 0))

(assert_return
  (invoke "i8x16.lt_u"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 0 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i8x16 0 0 0 0 -1 0 0 -1 0 0 -1 0 -1 0 -1 0))
(assert_return
  (invoke "i8x16.lt_u"
    (v128.const i8x16 0 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90)
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90))
  (v128.const i8x16 0 0 0 -1 0 0 0 0 0 -1 0 0 0 -1 0 -1))

(assert_return
  (invoke "i8x16.gt_s"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 0 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i8x16 0 0 0 -1 0 0 0 -1 0 0 0 0 -1 0 -1 0))
(assert_return
  (invoke "i8x16.gt_s"
    (v128.const i8x16 0 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90)
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90))
  (v128.const i8x16 0 0 0 0 -1 0 0 0 0 -1 -1 0 0 -1 0 -1))

(assert_return
  (invoke "i8x16.gt_u"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 0 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i8x16 0 0 0 -1 0 0 0 0 0 -1 0 0 0 -1 0 -1))
(assert_return
  (invoke "i8x16.gt_u"
    (v128.const i8x16 0 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90)
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90))
  (v128.const i8x16 0 0 0 0 -1 0 0 -1 0 0 -1 0 -1 0 -1 0))

(assert_return
  (invoke "i8x16.le_s"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 0 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i8x16 -1 -1 -1 0 -1 -1 -1 0 -1 -1 -1 -1 0 -1 0 -1))
(assert_return
  (invoke "i8x16.le_s"
    (v128.const i8x16 0 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90)
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90))
  (v128.const i8x16 -1 -1 -1 -1 0 -1 -1 -1 -1 0 0 -1 -1 0 -1 0))

(assert_return
  (invoke "i8x16.le_u"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 0 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i8x16 -1 -1 -1 0 -1 -1 -1 -1 -1 0 -1 -1 -1 0 -1 0))
(assert_return
  (invoke "i8x16.le_u"
    (v128.const i8x16 0 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90)
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90))
  (v128.const i8x16 -1 -1 -1 -1 0 -1 -1 0 -1 -1 0 -1 0 -1 0 -1))

(assert_return
  (invoke "i8x16.ge_s"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 0 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i8x16 -1 -1 -1 -1 0 -1 -1 -1 -1 0 0 -1 -1 0 -1 0))
(assert_return
  (invoke "i8x16.ge_s"
    (v128.const i8x16 0 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90)
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90))
  (v128.const i8x16 -1 -1 -1 0 -1 -1 -1 0 -1 -1 -1 -1 0 -1 0 -1))

(assert_return
  (invoke "i8x16.ge_u"
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90)
    (v128.const i8x16 0 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90))
  (v128.const i8x16 -1 -1 -1 -1 0 -1 -1 0 -1 -1 0 -1 0 -1 0 -1))
(assert_return
  (invoke "i8x16.ge_u"
    (v128.const i8x16 0 1 -1 1 -1 100 -100 -7 77 33 65 -64 -3 2 -90 90)
    (v128.const i8x16 0 1 -1 127 -128 100 -100 5 77 -33 64 -64 2 -2 90 -90))
  (v128.const i8x16 -1 -1 -1 0 -1 -1 -1 -1 -1 0 -1 -1 -1 0 -1 0))

(assert_return
  (invoke "i16x8.eq"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 0 1 1 -1 -1234 4321 -255 -256))
  (v128.const i16x8 -1 0 0 0 0 0 0 -1))
(assert_return
  (invoke "i16x8.eq"
    (v128.const i16x8 0 1 1 -1 -1234 4321 -255 -256)
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256))
  (v128.const i16x8 -1 0 0 0 0 0 0 -1))

(assert_return
  (invoke "i16x8.ne"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 0 1 1 -1 -1234 4321 -255 -256))
  (v128.const i16x8 0 -1 -1 -1 -1 -1 -1 0))
(assert_return
  (invoke "i16x8.ne"
    (v128.const i16x8 0 1 1 -1 -1234 4321 -255 -256)
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256))
  (v128.const i16x8 0 -1 -1 -1 -1 -1 -1 0))

(assert_return
  (invoke "i16x8.lt_s"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 0 1 1 -1 -1234 4321 -255 -256))
  (v128.const i16x8 0 -1 0 -1 0 -1 0 0))
(assert_return
  (invoke "i16x8.lt_s"
    (v128.const i16x8 0 1 1 -1 -1234 4321 -255 -256)
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256))
  (v128.const i16x8 0 0 -1 0 -1 0 -1 0))

(assert_return
  (invoke "i16x8.lt_u"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 0 1 1 -1 -1234 4321 -255 -256))
  (v128.const i16x8 0 0 0 -1 -1 0 -1 0))
(assert_return
  (invoke "i16x8.lt_u"
    (v128.const i16x8 0 1 1 -1 -1234 4321 -255 -256)
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256))
  (v128.const i16x8 0 -1 -1 0 0 -1 0 0))

(assert_return
  (invoke "i16x8.gt_s"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 0 1 1 -1 -1234 4321 -255 -256))
  (v128.const i16x8 0 0 -1 0 -1 0 -1 0))
(assert_return
  (invoke "i16x8.gt_s"
    (v128.const i16x8 0 1 1 -1 -1234 4321 -255 -256)
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256))
  (v128.const i16x8 0 -1 0 -1 0 -1 0 0))

(assert_return
  (invoke "i16x8.gt_u"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 0 1 1 -1 -1234 4321 -255 -256))
  (v128.const i16x8 0 -1 -1 0 0 -1 0 0))
(assert_return
  (invoke "i16x8.gt_u"
    (v128.const i16x8 0 1 1 -1 -1234 4321 -255 -256)
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256))
  (v128.const i16x8 0 0 0 -1 -1 0 -1 0))

(assert_return
  (invoke "i16x8.le_s"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 0 1 1 -1 -1234 4321 -255 -256))
  (v128.const i16x8 -1 -1 0 -1 0 -1 0 -1))
(assert_return
  (invoke "i16x8.le_s"
    (v128.const i16x8 0 1 1 -1 -1234 4321 -255 -256)
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256))
  (v128.const i16x8 -1 0 -1 0 -1 0 -1 -1))

(assert_return
  (invoke "i16x8.le_u"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 0 1 1 -1 -1234 4321 -255 -256))
  (v128.const i16x8 -1 0 0 -1 -1 0 -1 -1))
(assert_return
  (invoke "i16x8.le_u"
    (v128.const i16x8 0 1 1 -1 -1234 4321 -255 -256)
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256))
  (v128.const i16x8 -1 -1 -1 0 0 -1 0 -1))

(assert_return
  (invoke "i16x8.ge_s"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 0 1 1 -1 -1234 4321 -255 -256))
  (v128.const i16x8 -1 0 -1 0 -1 0 -1 -1))
(assert_return
  (invoke "i16x8.ge_s"
    (v128.const i16x8 0 1 1 -1 -1234 4321 -255 -256)
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256))
  (v128.const i16x8 -1 -1 0 -1 0 -1 0 -1))

(assert_return
  (invoke "i16x8.ge_u"
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256)
    (v128.const i16x8 0 1 1 -1 -1234 4321 -255 -256))
  (v128.const i16x8 -1 -1 -1 0 0 -1 0 -1))
(assert_return
  (invoke "i16x8.ge_u"
    (v128.const i16x8 0 1 1 -1 -1234 4321 -255 -256)
    (v128.const i16x8 0 -1 32767 -32768 1234 -4321 255 -256))
  (v128.const i16x8 -1 0 0 -1 -1 0 -1 -1))

(assert_return
  (invoke "i32x4.eq"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (v128.const i32x4 0x7fffffff -1 3 -0x12d687))
  (v128.const i32x4 -1 0 0 0))
(assert_return
  (invoke "i32x4.eq"
    (v128.const i32x4 0x7fffffff -1 3 -0x12d687)
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687))
  (v128.const i32x4 -1 0 0 0))

(assert_return
  (invoke "i32x4.ne"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (v128.const i32x4 0x7fffffff -1 3 -0x12d687))
  (v128.const i32x4 0 -1 -1 -1))
(assert_return
  (invoke "i32x4.ne"
    (v128.const i32x4 0x7fffffff -1 3 -0x12d687)
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687))
  (v128.const i32x4 0 -1 -1 -1))

(assert_return
  (invoke "i32x4.lt_s"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (v128.const i32x4 0x7fffffff -1 3 -0x12d687))
  (v128.const i32x4 0 -1 -1 0))
(assert_return
  (invoke "i32x4.lt_s"
    (v128.const i32x4 0x7fffffff -1 3 -0x12d687)
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687))
  (v128.const i32x4 0 0 0 -1))

(assert_return
  (invoke "i32x4.lt_u"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (v128.const i32x4 0x7fffffff -1 3 -0x12d687))
  (v128.const i32x4 0 -1 0 -1))
(assert_return
  (invoke "i32x4.lt_u"
    (v128.const i32x4 0x7fffffff -1 3 -0x12d687)
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687))
  (v128.const i32x4 0 0 -1 0))

(assert_return
  (invoke "i32x4.gt_s"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (v128.const i32x4 0x7fffffff -1 3 -0x12d687))
  (v128.const i32x4 0 0 0 -1))
(assert_return
  (invoke "i32x4.gt_s"
    (v128.const i32x4 0x7fffffff -1 3 -0x12d687)
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687))
  (v128.const i32x4 0 -1 -1 0))

(assert_return
  (invoke "i32x4.gt_u"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (v128.const i32x4 0x7fffffff -1 3 -0x12d687))
  (v128.const i32x4 0 0 -1 0))
(assert_return
  (invoke "i32x4.gt_u"
    (v128.const i32x4 0x7fffffff -1 3 -0x12d687)
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687))
  (v128.const i32x4 0 -1 0 -1))

(assert_return
  (invoke "i32x4.le_s"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (v128.const i32x4 0x7fffffff -1 3 -0x12d687))
  (v128.const i32x4 -1 -1 -1 0))
(assert_return
  (invoke "i32x4.le_s"
    (v128.const i32x4 0x7fffffff -1 3 -0x12d687)
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687))
  (v128.const i32x4 -1 0 0 -1))

(assert_return
  (invoke "i32x4.le_u"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (v128.const i32x4 0x7fffffff -1 3 -0x12d687))
  (v128.const i32x4 -1 -1 0 -1))
(assert_return
  (invoke "i32x4.le_u"
    (v128.const i32x4 0x7fffffff -1 3 -0x12d687)
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687))
  (v128.const i32x4 -1 0 -1 0))

(assert_return
  (invoke "i32x4.ge_s"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (v128.const i32x4 0x7fffffff -1 3 -0x12d687))
  (v128.const i32x4 -1 0 0 -1))
(assert_return
  (invoke "i32x4.ge_s"
    (v128.const i32x4 0x7fffffff -1 3 -0x12d687)
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687))
  (v128.const i32x4 -1 -1 -1 0))

(assert_return
  (invoke "i32x4.ge_u"
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687)
    (v128.const i32x4 0x7fffffff -1 3 -0x12d687))
  (v128.const i32x4 -1 0 -1 0))
(assert_return
  (invoke "i32x4.ge_u"
    (v128.const i32x4 0x7fffffff -1 3 -0x12d687)
    (v128.const i32x4 0x7fffffff -0x80000000 -7 0x12d687))
  (v128.const i32x4 -1 -1 0 -1))

(assert_return
  (invoke "i64x2.eq"
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef)
    (v128.const i64x2 -0x8000000000000000 0xfedcba987654321))
  (v128.const i64x2 -1 0))
(assert_return
  (invoke "i64x2.eq"
    (v128.const i64x2 -0x8000000000000000 0xfedcba987654321)
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef))
  (v128.const i64x2 -1 0))

(assert_return
  (invoke "i64x2.ne"
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef)
    (v128.const i64x2 -0x8000000000000000 0xfedcba987654321))
  (v128.const i64x2 0 -1))
(assert_return
  (invoke "i64x2.ne"
    (v128.const i64x2 -0x8000000000000000 0xfedcba987654321)
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef))
  (v128.const i64x2 0 -1))

(assert_return
  (invoke "i64x2.lt_s"
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef)
    (v128.const i64x2 -0x8000000000000000 0xfedcba987654321))
  (v128.const i64x2 0 -1))
(assert_return
  (invoke "i64x2.lt_s"
    (v128.const i64x2 -0x8000000000000000 0xfedcba987654321)
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef))
  (v128.const i64x2 0 0))

(assert_return
  (invoke "i64x2.gt_s"
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef)
    (v128.const i64x2 -0x8000000000000000 0xfedcba987654321))
  (v128.const i64x2 0 0))
(assert_return
  (invoke "i64x2.gt_s"
    (v128.const i64x2 -0x8000000000000000 0xfedcba987654321)
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef))
  (v128.const i64x2 0 -1))

(assert_return
  (invoke "i64x2.le_s"
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef)
    (v128.const i64x2 -0x8000000000000000 0xfedcba987654321))
  (v128.const i64x2 -1 -1))
(assert_return
  (invoke "i64x2.le_s"
    (v128.const i64x2 -0x8000000000000000 0xfedcba987654321)
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef))
  (v128.const i64x2 -1 0))

(assert_return
  (invoke "i64x2.ge_s"
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef)
    (v128.const i64x2 -0x8000000000000000 0xfedcba987654321))
  (v128.const i64x2 -1 0))
(assert_return
  (invoke "i64x2.ge_s"
    (v128.const i64x2 -0x8000000000000000 0xfedcba987654321)
    (v128.const i64x2 -0x8000000000000000 0x123456789abcdef))
  (v128.const i64x2 -1 -1))

(assert_return
  (invoke "f32x4.eq"
    (v128.const f32x4 1.5 -0 nan inf)
    (v128.const f32x4 1.5 0 nan -inf))
  (v128.const i32x4 -1 -1 0 0))
(assert_return
  (invoke "f32x4.eq"
    (v128.const f32x4 -2 1 nan 3)
    (v128.const f32x4 -1 1.25 0 nan))
  (v128.const i32x4 0 0 0 0))

(assert_return
  (invoke "f32x4.ne"
    (v128.const f32x4 1.5 -0 nan inf)
    (v128.const f32x4 1.5 0 nan -inf))
  (v128.const i32x4 0 0 -1 -1))
(assert_return
  (invoke "f32x4.ne"
    (v128.const f32x4 -2 1 nan 3)
    (v128.const f32x4 -1 1.25 0 nan))
  (v128.const i32x4 -1 -1 -1 -1))

(assert_return
  (invoke "f32x4.lt"
    (v128.const f32x4 1.5 -0 nan inf)
    (v128.const f32x4 1.5 0 nan -inf))
  (v128.const i32x4 0 0 0 0))
(assert_return
  (invoke "f32x4.lt"
    (v128.const f32x4 -2 1 nan 3)
    (v128.const f32x4 -1 1.25 0 nan))
  (v128.const i32x4 -1 -1 0 0))

(assert_return
  (invoke "f32x4.gt"
    (v128.const f32x4 1.5 -0 nan inf)
    (v128.const f32x4 1.5 0 nan -inf))
  (v128.const i32x4 0 0 0 -1))
(assert_return
  (invoke "f32x4.gt"
    (v128.const f32x4 -2 1 nan 3)
    (v128.const f32x4 -1 1.25 0 nan))
  (v128.const i32x4 0 0 0 0))

(assert_return
  (invoke "f32x4.le"
    (v128.const f32x4 1.5 -0 nan inf)
    (v128.const f32x4 1.5 0 nan -inf))
  (v128.const i32x4 -1 -1 0 0))
(assert_return
  (invoke "f32x4.le"
    (v128.const f32x4 -2 1 nan 3)
    (v128.const f32x4 -1 1.25 0 nan))
  (v128.const i32x4 -1 -1 0 0))

(assert_return
  (invoke "f32x4.ge"
    (v128.const f32x4 1.5 -0 nan inf)
    (v128.const f32x4 1.5 0 nan -inf))
  (v128.const i32x4 -1 -1 0 -1))
(assert_return
  (invoke "f32x4.ge"
    (v128.const f32x4 -2 1 nan 3)
    (v128.const f32x4 -1 1.25 0 nan))
  (v128.const i32x4 0 0 0 0))

(assert_return (invoke "f64x2.eq" (v128.const f64x2 1.5 -0) (v128.const f64x2 1.5 0)) (v128.const i64x2 -1 -1))
(assert_return (invoke "f64x2.eq" (v128.const f64x2 nan -inf) (v128.const f64x2 1 inf)) (v128.const i64x2 0 0))
(assert_return (invoke "f64x2.eq" (v128.const f64x2 2 -4) (v128.const f64x2 1 -3.5)) (v128.const i64x2 0 0))

(assert_return (invoke "f64x2.ne" (v128.const f64x2 1.5 -0) (v128.const f64x2 1.5 0)) (v128.const i64x2 0 0))
(assert_return (invoke "f64x2.ne" (v128.const f64x2 nan -inf) (v128.const f64x2 1 inf)) (v128.const i64x2 -1 -1))
(assert_return (invoke "f64x2.ne" (v128.const f64x2 2 -4) (v128.const f64x2 1 -3.5)) (v128.const i64x2 -1 -1))

(assert_return (invoke "f64x2.lt" (v128.const f64x2 1.5 -0) (v128.const f64x2 1.5 0)) (v128.const i64x2 0 0))
(assert_return (invoke "f64x2.lt" (v128.const f64x2 nan -inf) (v128.const f64x2 1 inf)) (v128.const i64x2 0 -1))
(assert_return (invoke "f64x2.lt" (v128.const f64x2 2 -4) (v128.const f64x2 1 -3.5)) (v128.const i64x2 0 -1))

(assert_return (invoke "f64x2.gt" (v128.const f64x2 1.5 -0) (v128.const f64x2 1.5 0)) (v128.const i64x2 0 0))
(assert_return (invoke "f64x2.gt" (v128.const f64x2 nan -inf) (v128.const f64x2 1 inf)) (v128.const i64x2 0 0))
(assert_return (invoke "f64x2.gt" (v128.const f64x2 2 -4) (v128.const f64x2 1 -3.5)) (v128.const i64x2 -1 0))

(assert_return (invoke "f64x2.le" (v128.const f64x2 1.5 -0) (v128.const f64x2 1.5 0)) (v128.const i64x2 -1 -1))
(assert_return (invoke "f64x2.le" (v128.const f64x2 nan -inf) (v128.const f64x2 1 inf)) (v128.const i64x2 0 -1))
(assert_return (invoke "f64x2.le" (v128.const f64x2 2 -4) (v128.const f64x2 1 -3.5)) (v128.const i64x2 0 -1))

(assert_return (invoke "f64x2.ge" (v128.const f64x2 1.5 -0) (v128.const f64x2 1.5 0)) (v128.const i64x2 -1 -1))
(assert_return (invoke "f64x2.ge" (v128.const f64x2 nan -inf) (v128.const f64x2 1 inf)) (v128.const i64x2 0 0))
(assert_return (invoke "f64x2.ge" (v128.const f64x2 2 -4) (v128.const f64x2 1 -3.5)) (v128.const i64x2 -1 0))
