# Boot sector of tools/avx512.sh: goes to 32-bit mode, reads the kernel's parameters, the kernel and the initial file system from the
# first disk to where the 32-bit boot protocol of Linux wants them, and jumps into the kernel.  KERNEL, INITRD: their sectors.
    .code16
    .globl _start
_start:
    cli
    xor %ax, %ax
    mov %ax, %ds
    inb $0x92, %al          # address line 20
    orb $2, %al
    outb %al, $0x92
    lgdtl table
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl $0x10, $flat
    .code32
flat:
    mov $0x18, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $0x8f000, %esp
    cld
    mov $2, %al             # no interrupts from the disk
    mov $0x3f6, %dx
    outb %al, %dx
    mov $1, %ebx            # the sector after this one
    mov $0x90000, %edi
    mov $16, %ebp
    call load
    mov $0x100000, %edi
    mov $KERNEL, %ebp
    call load
    mov $0xc000000, %edi
    mov $INITRD, %ebp
    call load
    xor %ebp, %ebp
    xor %edi, %edi
    xor %ebx, %ebx
    mov $0x90000, %esi
    mov $0x100000, %eax
    jmp *%eax
load:                       # ebp sectors from number ebx on, to edi
    mov $0x1f2, %edx
    mov $1, %al
    outb %al, %dx
    inc %edx
    mov %ebx, %eax
    outb %al, %dx
    inc %edx
    shr $8, %eax
    outb %al, %dx
    inc %edx
    shr $8, %eax
    outb %al, %dx
    inc %edx
    mov $0xe0, %al
    outb %al, %dx
    inc %edx
    mov $0x20, %al
    outb %al, %dx
wait:
    inb %dx, %al
    and $0x88, %al
    cmp $8, %al
    jne wait
    mov $0x1f0, %edx
    mov $256, %ecx
    rep insw
    inc %ebx
    dec %ebp
    jnz load
    ret
    .align 8
gdt: .quad 0, 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
table: .word 31
    .long gdt
    .org 510
    .word 0xaa55
