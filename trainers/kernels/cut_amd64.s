#include "textflag.h"

DATA eightWords<>+0(SB)/8, $0
DATA eightWords<>+8(SB)/8, $1
DATA eightWords<>+16(SB)/8, $2
DATA eightWords<>+24(SB)/8, $3
DATA eightWords<>+32(SB)/8, $4
DATA eightWords<>+40(SB)/8, $5
DATA eightWords<>+48(SB)/8, $6
DATA eightWords<>+56(SB)/8, $7
GLOBL eightWords<>(SB), RODATA|NOPTR, $64

// GAIN leaves the gain of a side in G, which holds its packed sums, as H does.
#define GAIN(G, H) \
	VPANDQ Z27, H, H \
	VPSRAQ $32, G, G \
	VCVTQQ2PD H, H \
	VCVTQQ2PD G, G \
	VMULPD Z24, H, H \
	VMULPD Z23, G, G \
	VANDPD Z28, G, G \
	VADDPD Z26, H, H \
	VSUBPD Z25, G, G \
	VMAXPD Z29, G, G \
	VMULPD G, G, G \
	VDIVPD H, G, G

// func cutAVX512(c *Cuts, sums *int64, n int, start int64, lanes *cutLanes)
//
// Z0 holds the sum so far in all lanes, Z1 the left sides of eight cuts, Z16 to
// Z18 the best ones (gain, index, left side), Z31 the indices.
TEXT ·cutAVX512(SB), NOSPLIT, $0-40
	MOVQ c+0(FP), AX
	MOVQ sums+8(FP), SI
	MOVQ n+16(FP), CX
	VPBROADCASTQ start+24(FP), Z0
	MOVQ lanes+32(FP), DI
	VPBROADCASTQ 0(AX), Z20
	VPBROADCASTQ 8(AX), Z21
	VPBROADCASTQ 16(AX), Z22
	VBROADCASTSD 24(AX), Z23
	VBROADCASTSD 32(AX), Z24
	VBROADCASTSD 40(AX), Z25
	VBROADCASTSD 48(AX), Z26
	VPTERNLOGQ $0xff, Z27, Z27, Z27
	VPSRLQ $1, Z27, Z28
	VPSRLQ $32, Z27, Z27
	VPXORQ Z29, Z29, Z29
	MOVL $7, DX
	VPBROADCASTQ DX, Z30
	MOVL $8, DX
	VPBROADCASTQ DX, Z19
	VMOVDQU64 eightWords<>(SB), Z31
	VMOVUPD (DI), Z16
	VMOVDQU64 64(DI), Z17
	VMOVDQU64 128(DI), Z18
	KXNORB K1, K1, K1

block:
	CMPQ CX, $8
	JGE whole
	MOVL $1, DX
	SHLL CX, DX
	DECL DX
	KMOVB DX, K1

whole:
	VMOVDQU64.Z (SI), K1, Z1
	VALIGNQ $7, Z29, Z1, Z2
	VPADDQ Z2, Z1, Z1
	VALIGNQ $6, Z29, Z1, Z2
	VPADDQ Z2, Z1, Z1
	VALIGNQ $4, Z29, Z1, Z2
	VPADDQ Z2, Z1, Z1
	VPADDQ Z0, Z1, Z1
	VPERMQ Z1, Z30, Z0
	VPANDQ Z27, Z1, Z2
	VPCMPQ $5, Z21, Z2, K1, K2
	VPCMPQ $2, Z22, Z2, K2, K2
	KORTESTB K2, K2
	JZ next
	VMOVDQA64 Z1, Z3
	VPSUBQ Z1, Z20, Z4
	VMOVDQA64 Z4, Z5
	GAIN(Z3, Z2)
	GAIN(Z5, Z4)
	VADDPD Z5, Z3, Z3
	VCMPPD $30, Z16, Z3, K2, K2
	VMOVAPD Z3, K2, Z16
	VMOVDQA64 Z31, K2, Z17
	VMOVDQA64 Z1, K2, Z18

next:
	VPADDQ Z19, Z31, Z31
	ADDQ $64, SI
	SUBQ $8, CX
	JGT block
	VMOVUPD Z16, (DI)
	VMOVDQU64 Z17, 64(DI)
	VMOVDQU64 Z18, 128(DI)
	VZEROUPPER
	RET
