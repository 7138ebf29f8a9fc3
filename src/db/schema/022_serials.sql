-- Serials are magnitudes everywhere: no zero in front. What a CRL brought in had one before serials of 0x80 and above.

UPDATE signing_journal SET serial = substr(serial, 2)
    WHERE length(serial) > 1 AND substr(@hex_of serial @hex_end, 1, 2) = '00';
