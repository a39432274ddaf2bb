package io.ashlar.model.format;

import io.ashlar.model.CheckpointException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Reads a GGUF header value by value. What does not fit in the file is reported with its place. */
final class GgufReader {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int ARRAY = 9;
    private static final int MOST_NESTING = 4;

    private final Path file;
    private final MemorySegment all;
    private long at;

    GgufReader(Path file, MemorySegment all) {
        this.file = file;
        this.all = all;
    }

    long position() {
        return at;
    }

    CheckpointException damaged(String what) {
        return new CheckpointException(file + ": at byte " + at + " of " + all.byteSize() + ", " + what
                + "; the file is damaged or truncated");
    }

    private long take(long bytes, String what) {
        if (bytes < 0 || bytes > all.byteSize() - at) {
            throw damaged(what + " should take " + bytes + " bytes");
        }
        long start = at;
        at += bytes;
        return start;
    }

    int int32(String what) {
        return all.get(INT, take(4, what));
    }

    long int64(String what) {
        return all.get(LONG, take(8, what));
    }

    /** A number of things that each take at least a byte, or a dimension. */
    long count(String what) {
        long count = int64(what);
        if (count < 0 || count > Integer.MAX_VALUE) {
            throw damaged(what + " is " + count);
        }
        return count;
    }

    String text(String what) {
        long length = int64(what);
        long start = take(length, what);
        return new String(all.asSlice(start, length).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
    }

    /** A value with its type before it: a Long, Double, Boolean, String, or a List of them. */
    Object value(String what) {
        return value(int32("the type of " + what), what, 0);
    }

    private Object value(int type, String what, int depth) {
        return switch (type) {
            case 0 -> (long) (all.get(ValueLayout.JAVA_BYTE, take(1, what)) & 0xff);
            case 1 -> (long) all.get(ValueLayout.JAVA_BYTE, take(1, what));
            case 2 -> (long) (all.get(SHORT, take(2, what)) & 0xffff);
            case 3 -> (long) all.get(SHORT, take(2, what));
            case 4 -> int32(what) & 0xffffffffL;
            case 5 -> (long) int32(what);
            case 6 -> (double) Float.intBitsToFloat(int32(what));
            case 7 -> all.get(ValueLayout.JAVA_BYTE, take(1, what)) != 0;
            case 8 -> text(what);
            case ARRAY -> array(what, depth);
            case 10, 11 -> int64(what);
            case 12 -> Double.longBitsToDouble(int64(what));
            default -> throw damaged(what + " has the unknown type " + type);
        };
    }

    private List<Object> array(String what, int depth) {
        if (depth == MOST_NESTING) {
            throw damaged(what + " is nested too deep");
        }
        int type = int32("the element type of " + what);
        long count = count("the length of " + what);
        if (count > all.byteSize() - at) {
            throw damaged(what + " should have " + count + " elements");
        }
        List<Object> values = new ArrayList<>((int) count);
        for (long i = 0; i < count; i++) {
            values.add(value(type, what, depth + 1));
        }
        return values;
    }
}
