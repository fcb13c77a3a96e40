// SPDX-License-Identifier: GPL-2.0-only
//
// What a guest finds by ACPI: hardware-reduced, no PCI, no PIC, no PIT.
// Addresses and ports are those of guest-memory.h, ports.h and mullion/vram.h.

DefinitionBlock ("dsdt.aml", "DSDT", 2, "MULLIO", "MULLION ", 1)
{
	Scope (\_SB)
	{
		// What VMBus devices may have below 4 GiB. Linux takes a VMBus device's
		// window from its own resources or those of a parent. With the memory of a
		// screen acpi.c makes it as large as that.
		Device (VMOD)
		{
			Name (_HID, "ACPI0004") // module device
			Name (_UID, Zero)
			Name (_CRS, ResourceTemplate ()
			{
				DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed,
					NonCacheable, ReadWrite,
					0x00000000, 0xC0000000, 0xFDFFFFFF, 0x00000000, 0x3E000000)
			})

			Device (VMBS)
			{
				Name (_HID, "VMBus")
				Name (_DDN, "VMBUS")
				Name (_UID, Zero)
				Name (_STA, 0x0F)
				// Linux looks no further, at those of a parent, where there are
				// none at all.
				Name (_CRS, ResourceTemplate ()
				{
				})
			}
		}

		Device (COM1)
		{
			Name (_HID, EisaId ("PNP0501")) // 16550A
			Name (_UID, Zero)
			Name (_STA, 0x0F)
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x03F8, 0x03F8, 0x01, 0x08)
				Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) { 4 }
			})
		}

		Device (RTC0)
		{
			Name (_HID, EisaId ("PNP0B00")) // MC146818
			Name (_STA, 0x0F)
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x0070, 0x0070, 0x01, 0x02)
			})
		}
	}

	// Power-off; the value goes to the FADT's sleep control register.
	Name (\_S5, Package () { 0x05, Zero, Zero, Zero })
}
