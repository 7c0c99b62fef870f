// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bitmap} from "../Bitmap.sol";

/// @dev Each function against the plainest way to write it.
contract BitmapTest {
    using Bitmap for uint256;

    function testFuzz_countIsTheNumberOfBits(uint256 set) public pure {
        uint256 bits = 0;
        for (uint256 i = 0; i < 256; ++i) bits += (set >> i) & 1;
        assert(set.count() == bits);
    }

    function testFuzz_withoutLowestDropsTheLowest(uint256 set, uint16 n) public pure {
        uint256 left = set.withoutLowest(n);
        uint256 dropped = set ^ left;
        assert(left.within(set));
        assert(dropped.count() == (n < set.count() ? n : set.count()));
        assert(left == 0 || dropped < (left & (~left + 1)));
    }

    function testFuzz_committeeIsTheCyclicWindow(uint256 committed, uint64 round, uint16 size) public pure {
        uint256 chosen = committed.committee(round, size);
        uint256 n = committed.count();
        assert(chosen.within(committed));
        assert(chosen.count() == (size == 0 || size >= n ? n : size));
        if (size == 0 || size >= n) return;
        uint256 first = (uint256(round) * size) % n;
        uint256 place = 0;
        for (uint256 i = 0; i < 256; ++i) {
            if ((committed >> i) & 1 == 0) continue;
            bool inside = (place + n - first) % n < size;
            assert(inside == ((chosen >> i) & 1 == 1));
            ++place;
        }
    }

    function testFuzz_committeesTakeTurns(uint256 committed, uint16 size) public pure {
        uint256 n = committed.count();
        if (n == 0) return;
        size = uint16(1 + (size % n));
        uint256 served = 0;
        for (uint256 round = 1; round <= (n + size - 1) / size; ++round) served |= committed.committee(round, size);
        assert(served == committed);
    }
}
