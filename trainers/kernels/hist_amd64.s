#include "textflag.h"

// Eight bins are loaded at once. Two bytes of the word are added, then it is
// shifted; entries of neighbouring features are HistogramStride*8 = 2112 bytes
// apart. AX holds the word, R8 the gradient and hessian, DI the histogram of
// the first of the features.
#define PAIR(at) \
	MOVBLZX AL, CX \
	MOVBLZX AH, DX \
	ADDQ R8, (at+0)(DI)(CX*8) \
	ADDQ R8, (at+2112)(DI)(DX*8)

// ROW adds the row at SI; R13 is w, labels are given because they are the
// function's own.
#define ROW(words, four, two, one, done) \
	MOVQ R13, R12 \
	SHRQ $3, R12 \
	JZ four \
words: \
	MOVQ (SI), AX \
	PAIR(0) \
	SHRQ $16, AX \
	PAIR(4224) \
	SHRQ $16, AX \
	PAIR(8448) \
	SHRQ $16, AX \
	PAIR(12672) \
	ADDQ $8, SI \
	ADDQ $16896, DI \
	DECQ R12 \
	JNZ words \
four: \
	TESTQ $4, R13 \
	JZ two \
	MOVL (SI), AX \
	PAIR(0) \
	SHRQ $16, AX \
	PAIR(4224) \
	ADDQ $4, SI \
	ADDQ $8448, DI \
two: \
	TESTQ $2, R13 \
	JZ one \
	MOVWLZX (SI), AX \
	PAIR(0) \
	ADDQ $2, SI \
	ADDQ $4224, DI \
one: \
	TESTQ $1, R13 \
	JZ done \
	MOVBLZX (SI), CX \
	ADDQ R8, (DI)(CX*8) \
done:

// func histogramAMD64(h *int64, bins *uint8, d, w int, gh *int64, n int)
TEXT ·histogramAMD64(SB), NOSPLIT, $0-48
	MOVQ h+0(FP), BX
	MOVQ bins+8(FP), R15
	MOVQ d+16(FP), R9
	MOVQ w+24(FP), R13
	MOVQ gh+32(FP), R11
	MOVQ n+40(FP), R10
	PCALIGN $32

row:
	MOVQ R15, SI
	MOVQ BX, DI
	MOVQ (R11), R8
	ROW(words, four, two, one, done)
	ADDQ R9, R15
	ADDQ $8, R11
	DECQ R10
	JNZ row
	RET

// func histogramOfAMD64(h *int64, bins *uint8, d, w int, gh *int64, idx *int32, n int)
TEXT ·histogramOfAMD64(SB), NOSPLIT, $8-56
	MOVQ h+0(FP), BX
	MOVQ bins+8(FP), R15
	MOVQ d+16(FP), R9
	MOVQ w+24(FP), R13
	MOVQ gh+32(FP), R11
	MOVQ idx+40(FP), R10
	MOVQ n+48(FP), DX
	LEAQ (R10)(DX*4), DX
	MOVQ DX, last-8(SP)
	PCALIGN $32

row:
	// Ask for the row that comes 16 rows later, or again for this one.
	LEAQ 64(R10), CX
	CMPQ CX, last-8(SP)
	CMOVQCC R10, CX
	MOVLQSX (CX), CX
	MOVLQSX (R10), SI
	PREFETCHT0 (R11)(CX*8)
	IMULQ R9, CX
	ADDQ R15, CX
	PREFETCHT0 (CX)
	PREFETCHT0 -1(CX)(R13*1)

	MOVQ (R11)(SI*8), R8
	IMULQ R9, SI
	ADDQ R15, SI
	MOVQ BX, DI
	ROW(words, four, two, one, done)
	ADDQ $4, R10
	CMPQ R10, last-8(SP)
	JNE row
	RET

// func partitionAVX512(stay, right, idx *int32, n int, bins *uint8, d, shift int, left *[4]uint64) int
//
// Z5 holds 16 rows, Z8 their bins, K1 which of them stay: bit bin%32 of word
// bin/32 of the set in Z1.
TEXT ·partitionAVX512(SB), NOSPLIT, $0-72
	MOVQ stay+0(FP), DI
	MOVQ right+8(FP), R8
	MOVQ idx+16(FP), SI
	MOVQ n+24(FP), R10
	MOVQ bins+32(FP), BX
	VPBROADCASTQ d+40(FP), Z0
	VMOVQ shift+48(FP), X12
	MOVQ left+56(FP), R9
	VMOVDQU (R9), Y1
	MOVL $1, AX
	VPBROADCASTD AX, Z2
	MOVL $31, AX
	VPBROADCASTD AX, Z3
	MOVL $255, AX
	VPBROADCASTD AX, Z4
	MOVQ DI, R11

step:
	VMOVDQU32 (SI), Z5
	VEXTRACTI64X4 $1, Z5, Y7
	VPMOVSXDQ Y5, Z6
	VPMOVSXDQ Y7, Z7
	VPMULUDQ Z0, Z6, Z6
	VPMULUDQ Z0, Z7, Z7
	KXNORW K1, K1, K1
	KXNORW K2, K2, K2
	VPXORD Y8, Y8, Y8
	VPXORD Y9, Y9, Y9
	VPGATHERQD (BX)(Z6*1), K1, Y8
	VPGATHERQD (BX)(Z7*1), K2, Y9
	VINSERTI64X4 $1, Y9, Z8, Z8
	VPSRLD X12, Z8, Z8
	VPANDD Z4, Z8, Z8
	VPSRLD $5, Z8, Z9
	VPANDD Z3, Z8, Z8
	VPERMD Z1, Z9, Z9
	VPSRLVD Z8, Z9, Z9
	VPTESTMD Z2, Z9, K1
	KNOTW K1, K2
	KMOVW K1, AX
	POPCNTL AX, AX
	VPCOMPRESSD.Z Z5, K1, Z10
	VPCOMPRESSD.Z Z5, K2, Z11
	VMOVDQU32 Z10, (DI)
	VMOVDQU32 Z11, (R8)
	LEAQ (DI)(AX*4), DI
	NEGQ AX
	LEAQ 64(R8)(AX*4), R8
	ADDQ $64, SI
	SUBQ $16, R10
	JNZ step
	SUBQ R11, DI
	SHRQ $2, DI
	MOVQ DI, ret+64(FP)
	VZEROUPPER
	RET

DATA eight<>+0(SB)/4, $0
DATA eight<>+4(SB)/4, $1
DATA eight<>+8(SB)/4, $2
DATA eight<>+12(SB)/4, $3
DATA eight<>+16(SB)/4, $4
DATA eight<>+20(SB)/4, $5
DATA eight<>+24(SB)/4, $6
DATA eight<>+28(SB)/4, $7
GLOBL eight<>(SB), RODATA|NOPTR, $32

// func packAVX512(gh *int64, grad, hess *float32, n int, scaleG, scaleH float64, random uint32) int64
//
// Y1 holds what is mixed for the next eight rows, Y2 the random bits, Z0 the
// total.
TEXT ·packAVX512(SB), NOSPLIT, $0-64
	MOVQ gh+0(FP), DI
	MOVQ grad+8(FP), SI
	MOVQ hess+16(FP), BX
	MOVQ n+24(FP), R10
	VBROADCASTSD scaleG+32(FP), Z10
	VBROADCASTSD scaleH+40(FP), Z11
	MOVL random+48(FP), AX
	VPBROADCASTD AX, Y1
	VPADDD eight<>(SB), Y1, Y1
	MOVL $8, AX
	VPBROADCASTD AX, Y12
	MOVL $0x85ebca6b, AX
	VPBROADCASTD AX, Y13
	MOVL $0xc2b2ae35, AX
	VPBROADCASTD AX, Y14
	MOVL $0xffff, AX
	VPBROADCASTD AX, Y15
	MOVL $1, AX
	VPBROADCASTQ AX, Z9
	VPXORQ Z0, Z0, Z0
	VPXORQ Z8, Z8, Z8

step:
	VPSRLD $16, Y1, Y2
	VPXOR Y1, Y2, Y2
	VPMULLD Y13, Y2, Y2
	VPSRLD $13, Y2, Y3
	VPXOR Y3, Y2, Y2
	VPMULLD Y14, Y2, Y2
	VPSRLD $16, Y2, Y3
	VPXOR Y3, Y2, Y2
	VPADDD Y12, Y1, Y1

	VPSRLD $16, Y2, Y3
	VPMOVZXDQ Y3, Z3
	VCVTPS2PD (SI), Z4
	VMULPD Z10, Z4, Z4
	VCVTTPD2QQ Z4, Z4
	VPADDQ Z3, Z4, Z4
	VPSRAQ $16, Z4, Z4
	VPSLLQ $32, Z4, Z4
	TESTQ BX, BX
	JZ constant
	VPAND Y15, Y2, Y3
	VPMOVZXDQ Y3, Z3
	VMAXPS (BX), Y8, Y5
	VCVTPS2PD Y5, Z5
	VMULPD Z11, Z5, Z5
	VCVTTPD2QQ Z5, Z5
	VPADDQ Z3, Z5, Z5
	VPSRAQ $16, Z5, Z5
	VPADDQ Z5, Z4, Z4
	ADDQ $32, BX
	JMP store

constant:
	VPADDQ Z9, Z4, Z4

store:
	VMOVDQU64 Z4, (DI)
	VPADDQ Z4, Z0, Z0
	ADDQ $64, DI
	ADDQ $32, SI
	SUBQ $8, R10
	JNZ step

	VEXTRACTI64X4 $1, Z0, Y2
	VPADDQ Y2, Y0, Y0
	VEXTRACTI128 $1, Y0, X2
	VPADDQ X2, X0, X0
	VPSRLDQ $8, X0, X2
	VPADDQ X2, X0, X0
	VMOVQ X0, AX
	MOVQ AX, ret+56(FP)
	VZEROUPPER
	RET

// func largestAVX512(v *float32, n int) (abs uint32, positive int32)
TEXT ·largestAVX512(SB), NOSPLIT, $0-24
	MOVQ v+0(FP), SI
	MOVQ n+8(FP), R10
	MOVL $0x7fffffff, AX
	VPBROADCASTD AX, Z2
	VPXORD Z0, Z0, Z0
	VPXORD Z1, Z1, Z1

step:
	VMOVDQU32 (SI), Z3
	VPMAXSD Z3, Z1, Z1
	VPANDD Z2, Z3, Z3
	VPMAXUD Z3, Z0, Z0
	ADDQ $64, SI
	SUBQ $16, R10
	JNZ step

	// All are positive as int32 now.
	VEXTRACTI64X4 $1, Z0, Y2
	VPMAXUD Y2, Y0, Y0
	VEXTRACTI128 $1, Y0, X2
	VPMAXUD X2, X0, X0
	VPSHUFD $0x4e, X0, X2
	VPMAXUD X2, X0, X0
	VPSHUFD $0xb1, X0, X2
	VPMAXUD X2, X0, X0
	VMOVD X0, AX
	MOVL AX, abs+16(FP)
	VEXTRACTI64X4 $1, Z1, Y2
	VPMAXUD Y2, Y1, Y1
	VEXTRACTI128 $1, Y1, X2
	VPMAXUD X2, X1, X1
	VPSHUFD $0x4e, X1, X2
	VPMAXUD X2, X1, X1
	VPSHUFD $0xb1, X1, X2
	VPMAXUD X2, X1, X1
	VMOVD X1, AX
	MOVL AX, positive+20(FP)
	VZEROUPPER
	RET
