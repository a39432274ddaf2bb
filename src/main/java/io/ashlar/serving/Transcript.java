package io.ashlar.serving;

/** What was said in a request, of a tenant that wants it kept. Bounded; written by one thread, read by any. */
public final class Transcript {
    private static final int MOST = 1 << 16;

    private final String asked;
    private final StringBuffer answered = new StringBuffer();

    /** @param asked the messages or the prompt, as they came */
    public Transcript(String asked) {
        this.asked = asked.length() <= MOST ? asked : asked.substring(0, MOST) + "...";
    }

    public void add(String text) {
        if (answered.length() < MOST) {
            answered.append(text);
        }
    }

    public String asked() {
        return asked;
    }

    /** So far; choices of one request follow each other as they come. */
    public String answered() {
        return answered.toString();
    }
}
