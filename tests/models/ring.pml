/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The signals of a VMBus ring (vsp/vmbus/ring.c) under TSO, the memory model of x86: may
 * both ends sleep while there is something to do? Spin searches all interleavings.
 *
 * Each end's stores go into its store buffer, a queue; they reach memory when they like,
 * in order. A load looks into memory: neither end loads what it stores, so that nothing
 * need be forwarded. A full barrier waits until the own buffer is empty. An event, as an
 * eventfd, may be seen before the stores ahead of it, which is more than x86 allows.
 *
 * Indices wrap, and neither end ever stops but where the writer chooses to: so this is
 * every number of packets. The writer makes packets of one or two units, publishes one or
 * more together, and waits when there is no room. The reader masks signals or does not,
 * releases packets one by one or together. Both remember the other's index as ring.c does.
 *
 * A lost wake-up is an invalid end state: both processes wait and nobody comes.
 *
 * GUEST_WRITER: the writer is a guest's socket, which asks for the room of its largest
 * packet once and for all, and publishes each packet.
 *
 * Each of these leaves out one barrier and must be found wrong:
 *	NO_WRITER_FENCE		between publishing and looking at the mask
 *	NO_READER_FENCE		between unmasking and looking for more
 *	NO_ROOM_WRITER_FENCE	between asking for room and looking for it
 *	NO_ROOM_READER_FENCE	between releasing and looking whether room is asked for
 */

#define SIZE 4 /* units in the ring; one stays free */
#define LARGEST 2

#define WRITE_INDEX 0
#define READ_INDEX 1
#define MASK 2
#define PENDING 3
byte memory[4];

#define WRITER 0
#define READER 1
chan writer_buffer = [3] of { byte, byte };
chan reader_buffer = [3] of { byte, byte };

bool event[2];
/* What is true, whatever memory says: for the question whether all was read. */
byte published;
bool writer_done;

#define DISTANCE(from, to) (((to) + SIZE - (from)) % SIZE)
#define writer_fence() empty(writer_buffer)
#define reader_fence() empty(reader_buffer)

active proctype store_buffers()
{
	byte word, value;

end:
	do
	:: atomic { writer_buffer ? word, value -> memory[word] = value; word = 0; value = 0 }
	:: atomic { reader_buffer ? word, value -> memory[word] = value; word = 0; value = 0 }
	od
}

#define own index /* of the end that runs */
#define FITS(bytes) ((bytes) < SIZE - DISTANCE(peer, own))

inline publish()
{
	if
	:: own != shown ->
		writer_buffer ! WRITE_INDEX, own;
		before = shown;
		shown = own;
		published = own;
#ifndef NO_WRITER_FENCE
		writer_fence();
#endif
		seen = memory[MASK];
		if
		:: seen -> skip
		:: else ->
			seen = memory[READ_INDEX];
			if
			:: seen == before -> event[READER] = true
			:: else -> skip
			fi
		fi;
		seen = 0;
		before = 0
	:: else -> skip
	fi
}

inline ask_for_room(bytes)
{
#ifndef GUEST_WRITER
	writer_buffer ! PENDING, bytes
#ifndef NO_ROOM_WRITER_FENCE
	; writer_fence()
#endif
#else
	skip
#endif
}

inline ask_no_more()
{
#ifndef GUEST_WRITER
	writer_buffer ! PENDING, 0
#else
	skip
#endif
}

inline wait_for_room(bytes)
{
	do
	:: ask_for_room(bytes);
		peer = memory[READ_INDEX];
		if
		:: FITS(bytes) ->
			ask_no_more();
			break
		:: else -> /* sleep */
			d_step { event[WRITER] -> event[WRITER] = false }
		fi
	od
}

active proctype writer()
{
	byte index, shown, peer, bytes, before, seen;

#ifdef GUEST_WRITER
	memory[PENDING] = LARGEST;
#endif
	do
	:: true -> /* another packet */
		if
		:: bytes = 1
		:: bytes = LARGEST
		fi;
		if
		:: FITS(bytes) -> skip
		:: else ->
			peer = memory[READ_INDEX];
			if
			:: FITS(bytes) -> skip
			:: else ->
				publish();
				wait_for_room(bytes)
			fi
		fi;
		own = (own + bytes) % SIZE;
		bytes = 0;
		if
		:: publish()
#ifndef GUEST_WRITER
		:: skip /* more in this batch */
#endif
		fi
	:: true -> /* the last one */
		publish();
		writer_done = true;
		break
	od
}

inline give_back()
{
	if
	:: own != shown ->
		freed = DISTANCE(shown, own);
		reader_buffer ! READ_INDEX, own;
		shown = own
	:: else -> skip
	fi
}

inline room_signal()
{
	wanted = memory[PENDING];
	if
	:: wanted ->
		peer = memory[WRITE_INDEX];
		if
		:: SIZE - DISTANCE(own, peer) > wanted &&
		   SIZE - DISTANCE(own, peer) <= wanted + freed ->
			event[WRITER] = true
		:: else -> skip
		fi
	:: else -> skip
	fi;
	freed = 0;
	wanted = 0
}

inline release()
{
	give_back();
	if
	:: freed ->
#ifndef NO_ROOM_READER_FENCE
		reader_fence();
#endif
		room_signal()
	:: else -> skip
	fi
}

/* Units stand for packets: a reader may take any part of what was published. */
inline drain()
{
	do
	:: own != peer ->
		own = (own + 1) % SIZE;
		if
		:: release()
		:: skip
		fi
	:: else ->
		peer = memory[WRITE_INDEX];
		if
		:: own == peer -> break
		:: else -> skip
		fi
	od
}

active proctype reader()
{
	byte index, shown, peer, freed, wanted;
	bool more;

	do
	:: true ->
		if
		:: reader_buffer ! MASK, 1
		:: skip
		fi;
		drain();
		if
		:: release()
		:: skip /* unmasking does it */
		fi;
		give_back();
		if
		:: own != memory[WRITE_INDEX] -> more = true /* stays masked */
		:: reader_buffer ! MASK, 0
		fi;
#ifndef NO_READER_FENCE
		reader_fence();
#endif
		if
		:: freed -> room_signal()
		:: else -> skip
		fi;
		if
		:: more || own != memory[WRITE_INDEX] -> more = false
		:: else -> /* sleep */
			if
			:: d_step { event[READER] -> event[READER] = false }
			:: writer_done && own == published -> break
			fi
		fi
	od
}
