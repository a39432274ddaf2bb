package io.ashlar.model.text;

import java.util.List;

/**
 * Watches a growing text for stop strings. Text that may be the start of one is held back until it is clear, so that no
 * part of a stop string is ever given out.
 */
public final class StopStrings {
    private final List<String> stops;
    private final StringBuilder held = new StringBuilder();
    private boolean stopped;

    public StopStrings(List<String> stops) {
        this.stops = stops;
    }

    /** The text that is now safe to give out. After a stop string: the text before it, and nothing from then on. */
    public String add(String text) {
        if (stopped) {
            return "";
        }
        if (stops.isEmpty()) {
            return text;
        }
        held.append(text);
        int end = -1;
        for (String stop : stops) {
            int at = held.indexOf(stop);
            if (at >= 0 && (end < 0 || at < end)) {
                end = at;
            }
        }
        if (end >= 0) {
            stopped = true;
            return take(end);
        }
        return take(held.length() - longestStart());
    }

    /** The length of the longest end of the held text that a stop string starts with. */
    private int longestStart() {
        int longest = 0;
        for (String stop : stops) {
            for (int n = Math.min(stop.length() - 1, held.length()); n > longest; n--) {
                if (stop.startsWith(held.substring(held.length() - n))) {
                    longest = n;
                    break;
                }
            }
        }
        return longest;
    }

    private String take(int length) {
        String text = held.substring(0, length);
        held.delete(0, length);
        return text;
    }

    public boolean stopped() {
        return stopped;
    }

    /** What was held back, at the end of a text that did not stop. */
    public String end() {
        return stopped ? "" : take(held.length());
    }
}
