
  ;; Opens a path beneath descriptor 3, following links; says nothing. `$fd` is the descriptor, all ones without one.
  (func $open (param $path i32) (param $size i32) (param $oflags i32) (param $rights i64) (result i32)
    (i32.store (i32.const 0x80) (i32.const -1))
    (call $path_open (i32.const 3) (i32.const 1) (local.get $path) (local.get $size) (local.get $oflags)
      (local.get $rights) (i64.const 0x1fffffff) (i32.const 0) (i32.const 0x80)))
  (func $fd (result i32) (i32.load (i32.const 0x80)))

  ;; An iovec at 0x90.
  (func $iovec (param $at i32) (param $size i32) (result i32 i32)
    (i32.store (i32.const 0x90) (local.get $at))
    (i32.store (i32.const 0x94) (local.get $size))
    (i32.const 0x90) (i32.const 1))
